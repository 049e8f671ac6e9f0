from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0007_device_keys")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Citizen",
            name="birth_sealed",
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name="Citizen",
            name="birth_index",
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name="Citizen",
            name="born_on",
            field=fields.DateField(null=True),
        ),
        # one record for each certificate; nobody is proved without a number of some kind; who is
        # known by a certificate has a birth date
        ops.RunSQL(
            """
            CREATE UNIQUE INDEX identity_citizen_birth ON identity_citizen (birth_index);
            ALTER TABLE identity_citizen
              ADD CONSTRAINT identity_citizen_known CHECK (level < 2 OR closed_at IS NOT NULL
                OR resident_index IS NOT NULL OR birth_index IS NOT NULL),
              ADD CONSTRAINT identity_citizen_born CHECK (birth_index IS NULL
                OR (birth_sealed IS NOT NULL AND born_on IS NOT NULL));
            """,
            """
            ALTER TABLE identity_citizen
              DROP CONSTRAINT identity_citizen_known, DROP CONSTRAINT identity_citizen_born;
            DROP INDEX identity_citizen_birth;
            """,
        ),
    ]
