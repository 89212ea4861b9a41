from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("requests_app", "0039_refused_at_last")]

    operations = [
        migrations.AddField(
            model_name="apphealth",
            name="since",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
