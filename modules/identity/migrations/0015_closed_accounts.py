from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("identity", "0014_recovery_numbers")]

    initial = False

    operations = [
        # nobody is found by what a closed account was known by, and nobody is kept from it
        ops.RunSQL(
            """
            UPDATE identity_citizen
               SET phone_index = NULL, resident_index = NULL, birth_index = NULL
             WHERE closed_at IS NOT NULL
               AND num_nonnulls(phone_index, resident_index, birth_index) > 0;
            ALTER TABLE identity_citizen ADD CONSTRAINT identity_citizen_closed
              CHECK (closed_at IS NULL
                     OR num_nonnulls(phone_index, resident_index, birth_index) = 0);
            """,
            "ALTER TABLE identity_citizen DROP CONSTRAINT identity_citizen_closed;",
        ),
    ]
