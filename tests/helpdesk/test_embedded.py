"""The private servers: real, private, and gone with us."""

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection


@pytest.mark.django_db
def test_it_is_a_real_postgresql_in_utf8() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT lower('ĐƯỜNG'), current_setting('server_encoding')")
        assert cursor.fetchone() == ("đường", "UTF8")
