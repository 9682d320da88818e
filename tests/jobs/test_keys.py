from __future__ import annotations

import pytest
from sqlalchemy import select

from neuralib.errors import NotFound, UsageError
from neuralib.jobs.database import Database
from neuralib.jobs.keys import Keys
from neuralib.jobs.tables import api_keys


def test_there_is_no_key_until_one_is_made(keys: Keys) -> None:
    for key in keys.list():
        keys.revoke(key.id)
    assert not keys.exist()
    keys.create("studio", "laptop")
    assert keys.exist()


def test_a_token_opens_its_tenant_until_it_is_revoked(keys: Keys) -> None:
    key, token = keys.create("studio", "laptop")
    other, another = keys.create("label", "laptop")
    assert token.startswith("nl_")
    assert (keys.tenant_of(token), keys.tenant_of(another)) == ("studio", "label")
    assert keys.revoke(key.id) == key
    assert (keys.tenant_of(token), keys.tenant_of(another)) == (None, "label")
    assert key not in keys.list("studio")
    assert other in keys.list()


@pytest.mark.parametrize("token", ["", "nl_", "nl_\0", "\ud800", "nl_' OR 1=1"])
def test_a_token_that_was_made_up_opens_nothing(keys: Keys, token: str) -> None:
    keys.create("studio", "laptop")
    assert keys.tenant_of(token) is None


def test_keys_are_listed_the_newest_first(keys: Keys) -> None:
    made = [keys.create("lister", name)[0] for name in ("one", "two")]
    assert sorted(keys.list("lister"), key=lambda key: key.created_at) == made
    assert [key.id for key in keys.list("lister")] == sorted((k.id for k in made), reverse=True)


def test_the_token_is_stored_nowhere(keys: Keys, database: Database) -> None:
    key, token = keys.create("studio", "laptop")
    assert token not in repr(key)
    with database.connect() as connection:
        row = connection.execute(select(api_keys).where(api_keys.c.id == key.id)).one()
    assert all(token[3:] not in str(value) for value in row)


@pytest.mark.parametrize("tenant", ["", "Studio", "-a", "a/b", "a b", "a" * 64, "ä", "a\n"])
def test_the_name_of_a_tenant_must_fit_into_keys_of_the_storage(keys: Keys, tenant: str) -> None:
    with pytest.raises(UsageError, match="tenant: got"):
        keys.create(tenant, "laptop")


def test_a_key_that_is_not_there_is_named(keys: Keys) -> None:
    with pytest.raises(NotFound, match="there is no key 'key_none'; `neuralib keys list`"):
        keys.revoke("key_none")
