"""Tables, as Django writes them."""
# ruff: noqa: I001

import django.core.validators
import django.db.models.deletion
import rarecare.portal.directory.entities
import rarecare.portal.directory.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("consensus", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Nomination",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "statement",
                    models.TextField(
                        max_length=3000,
                        validators=[django.core.validators.MinLengthValidator(20)],
                        verbose_name="reasons",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("gathering", "evidence is being gathered"),
                            ("review", "under review"),
                            ("decided", "decided"),
                            ("taken back", "taken back"),
                        ],
                        default="gathering",
                        max_length=12,
                        verbose_name="state",
                    ),
                ),
                ("day", models.DateField(verbose_name="nominated on")),
                ("submitted", models.DateField(null=True, verbose_name="submitted on")),
                ("ended", models.DateField(null=True, verbose_name="ended on")),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="nominations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "criteria",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="nominations",
                        to="consensus.criteriaversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "nomination",
                "verbose_name_plural": "nominations",
                "ordering": ("-day", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="Document",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120, verbose_name="file name")),
                ("media_type", models.CharField(max_length=60, verbose_name="type")),
                ("sha256", models.CharField(max_length=64)),
                ("content", models.BinaryField(max_length=5000000, verbose_name="contents")),
                ("added", models.DateField(verbose_name="added")),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "nomination",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="directory.nomination",
                    ),
                ),
            ],
            options={
                "verbose_name": "document",
                "verbose_name_plural": "documents",
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="Organisation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.SlugField(max_length=100, unique=True, verbose_name="address")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("centre", "centre of care"),
                            ("patient organisation", "patient organisation"),
                            ("registry", "cancer registry"),
                            ("research group", "research group"),
                            ("scientific society", "scientific society"),
                            ("health authority", "health authority"),
                        ],
                        max_length=30,
                        verbose_name="kind",
                    ),
                ),
                ("name", models.CharField(max_length=200, unique=True, verbose_name="name")),
                ("about", models.TextField(blank=True, max_length=1000, verbose_name="what it is")),
                (
                    "country",
                    models.CharField(
                        choices=rarecare.portal.directory.models.country_choices,
                        max_length=2,
                        verbose_name="country",
                    ),
                ),
                ("city", models.CharField(blank=True, max_length=100, verbose_name="place")),
                (
                    "address",
                    models.CharField(blank=True, max_length=200, verbose_name="street and number"),
                ),
                (
                    "latitude",
                    models.FloatField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(-90),
                            django.core.validators.MaxValueValidator(90),
                        ],
                        verbose_name="latitude",
                    ),
                ),
                (
                    "longitude",
                    models.FloatField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(-180),
                            django.core.validators.MaxValueValidator(180),
                        ],
                        verbose_name="longitude",
                    ),
                ),
                (
                    "website",
                    models.URLField(
                        blank=True,
                        validators=[django.core.validators.URLValidator(schemes=("https",))],
                        verbose_name="web page",
                    ),
                ),
                (
                    "email",
                    models.EmailField(
                        blank=True, max_length=254, verbose_name="public e-mail address"
                    ),
                ),
                (
                    "telephone",
                    models.CharField(blank=True, max_length=40, verbose_name="telephone"),
                ),
                (
                    "languages",
                    models.CharField(blank=True, max_length=200, verbose_name="languages spoken"),
                ),
                (
                    "referrals",
                    models.CharField(blank=True, max_length=300, verbose_name="how to be referred"),
                ),
                ("listed", models.BooleanField(default=False, verbose_name="shown")),
                (
                    "invented",
                    models.BooleanField(default=False, editable=False, verbose_name="invented"),
                ),
                ("updated", models.DateField(auto_now=True, verbose_name="last changed")),
            ],
            options={
                "verbose_name": "organisation",
                "verbose_name_plural": "organisations",
                "ordering": ("name",),
                "permissions": (
                    ("nominate", "Nominate a centre"),
                    ("see_nomination", "See nominations they take part in"),
                    ("review", "Review nominations"),
                    ("certify", "Enter computed or certified evidence"),
                    ("decide", "Decide on nominations"),
                    ("speak", "Endorse or comment for a patient organisation"),
                    ("moderate", "Publish or refuse endorsements and comments"),
                ),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("latitude__isnull", True), ("longitude__isnull", True)),
                            models.Q(("latitude__isnull", False), ("longitude__isnull", False)),
                            _connector="OR",
                        ),
                        name="both_coordinates_or_none",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="nomination",
            name="centre",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="nominations",
                to="directory.organisation",
            ),
        ),
        migrations.AddField(
            model_name="nomination",
            name="nominated_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="nominated",
                to="directory.organisation",
            ),
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="membership",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="members",
                        to="directory.organisation",
                        verbose_name="organisation",
                    ),
                ),
            ],
            options={
                "verbose_name": "membership",
                "verbose_name_plural": "memberships",
            },
        ),
        migrations.CreateModel(
            name="Trial",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=300, verbose_name="title")),
                (
                    "entity_id",
                    models.CharField(
                        max_length=20,
                        validators=[rarecare.portal.directory.entities.check_entity],
                        verbose_name="cancer",
                    ),
                ),
                ("register", models.CharField(max_length=100, verbose_name="register")),
                ("number", models.CharField(max_length=60, verbose_name="number in the register")),
                (
                    "link",
                    models.URLField(
                        validators=[django.core.validators.URLValidator(schemes=("https",))],
                        verbose_name="page in the register",
                    ),
                ),
                (
                    "countries",
                    models.CharField(blank=True, max_length=200, verbose_name="countries"),
                ),
                (
                    "status",
                    models.CharField(
                        help_text="As the register words it on the day seen.",
                        max_length=80,
                        verbose_name="status",
                    ),
                ),
                ("seen", models.DateField(verbose_name="seen on")),
                (
                    "invented",
                    models.BooleanField(default=False, editable=False, verbose_name="invented"),
                ),
            ],
            options={
                "verbose_name": "clinical trial",
                "verbose_name_plural": "clinical trials",
                "ordering": ("-seen", "title"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("register", "number", "entity_id"), name="trial_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Voice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "saying",
                    models.CharField(
                        choices=[("endorses", "endorses"), ("comments", "comments")],
                        max_length=10,
                        verbose_name="says",
                    ),
                ),
                ("text", models.TextField(blank=True, max_length=1000, verbose_name="text")),
                ("day", models.DateField(verbose_name="day")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting for moderation"),
                            ("published", "published"),
                            ("refused", "refused"),
                        ],
                        default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("moderated", models.DateField(null=True, verbose_name="moderated")),
                ("reasons", models.CharField(blank=True, max_length=300, verbose_name="reasons")),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "centre",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="voices",
                        to="directory.organisation",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="said",
                        to="directory.organisation",
                    ),
                ),
            ],
            options={
                "verbose_name": "word of a patient organisation",
                "verbose_name_plural": "words of patient organisations",
                "ordering": ("-day", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("criterion", models.CharField(max_length=80, verbose_name="criterion")),
                ("value", models.CharField(blank=True, max_length=500, verbose_name="value")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("self-declared", "self-declared"),
                            ("computed", "computed"),
                            ("certified", "certified"),
                        ],
                        max_length=20,
                        verbose_name="who says so",
                    ),
                ),
                ("date", models.DateField(verbose_name="date")),
                ("source", models.CharField(max_length=300, verbose_name="source")),
                ("expires", models.DateField(blank=True, null=True, verbose_name="valid until")),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="directory.document",
                    ),
                ),
                (
                    "nomination",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence",
                        to="directory.nomination",
                    ),
                ),
            ],
            options={
                "verbose_name": "evidence",
                "verbose_name_plural": "evidence",
                "ordering": ("pk",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("nomination", "criterion", "kind", "date"),
                        name="one_piece_of_a_kind_and_day",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Coverage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "entity_id",
                    models.CharField(
                        db_index=True,
                        help_text="Its number in the list of rare cancers, such as 08.02.01; or 08: a family.",
                        max_length=20,
                        validators=[rarecare.portal.directory.entities.check_entity],
                        verbose_name="cancer",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="coverage",
                        to="directory.organisation",
                    ),
                ),
            ],
            options={
                "verbose_name": "cancer covered",
                "verbose_name_plural": "cancers covered",
                "ordering": ("entity_id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organisation", "entity_id"), name="covered_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("organisation", models.CharField(max_length=200, verbose_name="organisation")),
                (
                    "recommendation",
                    models.CharField(
                        choices=[("designate", "designate"), ("refuse", "do not designate")],
                        max_length=12,
                        verbose_name="recommendation",
                    ),
                ),
                (
                    "reasons",
                    models.TextField(
                        max_length=3000,
                        validators=[django.core.validators.MinLengthValidator(20)],
                        verbose_name="reasons",
                    ),
                ),
                ("found", models.JSONField(default=dict, verbose_name="text criteria met")),
                ("day", models.DateField(verbose_name="day")),
                (
                    "nomination",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="directory.nomination",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="reviewer",
                    ),
                ),
            ],
            options={
                "verbose_name": "review",
                "verbose_name_plural": "reviews",
                "ordering": ("day", "pk"),
                "constraints": [
                    models.UniqueConstraint(fields=("nomination", "reviewer"), name="reviewed_once")
                ],
            },
        ),
    ]
