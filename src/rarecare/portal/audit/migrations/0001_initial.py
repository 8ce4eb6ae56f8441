"""Tables, as Django writes them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("book", models.CharField(max_length=40, verbose_name="book")),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("day", models.DateField(verbose_name="day")),
                ("kind", models.CharField(max_length=80, verbose_name="kind")),
                ("content", models.TextField(verbose_name="contents")),
                (
                    "previous",
                    models.CharField(max_length=64, verbose_name="hash of the entry before"),
                ),
                ("hash", models.CharField(max_length=64, verbose_name="hash")),
            ],
            options={
                "verbose_name": "entry of a history",
                "verbose_name_plural": "entries of histories",
                "ordering": ("book", "number"),
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(fields=("book", "number"), name="one_entry_per_number")
                ],
            },
        ),
    ]
