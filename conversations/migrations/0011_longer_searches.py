from django.db import migrations, models


class Migration(migrations.Migration):
    """Room for a search of two hundred letters that take nine characters each in an address."""

    dependencies = [("conversations", "0010_ticket_opened")]

    operations = [
        migrations.AlterField(
            model_name="transcriptexport",
            name="query",
            field=models.CharField(blank=True, default="", max_length=5000),
        ),
    ]
