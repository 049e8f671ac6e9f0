from tortoise import migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [('identity', '0003_proofs')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='Session',
            options={'table': 'identity_session', 'app': 'identity', 'pk_attr': 'id', 'table_description': 'A signed-in device. `generation` counts its refresh tokens: the newest is good, and for a'},
        ),
    ]
