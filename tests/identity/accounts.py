"""Accounts with a password and an authenticator app, for the tests of signing in."""

from datetime import datetime

import httpx
import pyotp
from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from caretide.identity.keys import account_cipher
from caretide.identity.models import Account, Membership, TotpSeed
from caretide.identity.passwords import HASHER
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database

PASSWORD = "four unrelated cheerful words"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


async def give_password(database: Database, actor: Actor, password: str = PASSWORD, *, app: bool = True) -> str:
    """Let an actor of the cast sign in, with an authenticator app unless told otherwise; return the address."""
    async with database.tx(Actor.nobody()) as tx:
        of_actor = Account.id == actor.account_id
        await tx.db.execute(update(Account).where(of_actor).values(password_hash=HASHER.hash(password)))
        if app:
            assert actor.account_id is not None
            sealed = (await account_cipher(tx)).seal(SEED.encode(), b"totp_seeds.sealed" + actor.account_id.bytes)
            row = {"account_id": actor.account_id, "sealed": sealed, "confirmed_at": tx.now}
            await tx.db.execute(upsert(TotpSeed).values(**row).on_conflict_do_nothing())
        return (await tx.db.execute(select(Account.email).where(of_actor))).scalar_one()


def code_at(now: datetime, steps: int = 0, seed: str = SEED) -> str:
    """Return what the authenticator app shows, so many steps from now."""
    return pyotp.TOTP(seed).at(int(now.timestamp()) + 30 * steps)


async def enter(client: httpx.AsyncClient, email: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    """Give a password."""
    return await client.post("/sign-in", data={"email": email, "password": password, **more})


async def give_code(client: httpx.AsyncClient, code: str, **more: str) -> httpx.Response:
    """Give a code as the second factor."""
    return await sent(client, "/sign-in/second", code=code, **more)


async def sent(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """Send a form of the session that the browser has."""
    return await client.post(path, data=fields)


async def come_in(client: httpx.AsyncClient, email: str, now: datetime, steps: int = 0, **more: str) -> httpx.Response:
    """Sign in with both factors; return the last answer."""
    begun = await enter(client, email)
    assert begun.status_code == 303, begun.text
    return await give_code(client, code_at(now, steps), **more)


async def also_works_in(database: Database, actor: Actor, there: Actor) -> None:
    """Let an actor's account work in another tenant too, in the place of a member there."""
    async with database.tx(Actor.nobody()) as tx:
        place = {"account_id": actor.account_id, "tenant_id": there.tenant_id, "member_id": there.member_id}
        await tx.db.execute(insert(Membership).values(**place))


async def homeless(database: Database) -> tuple[Actor, str]:
    """Make an account that works in no tenant; return its actor and address."""
    account_id = new_id()
    email = f"nowhere-{account_id.hex}@example.com"
    async with database.tx(Actor.nobody()) as tx:
        row = {"id": account_id, "email": email, "display_name": "No Where", "password_hash": "unusable"}
        await tx.db.execute(insert(Account).values(**row))
    actor = Actor.account(account_id, "No Where")
    await give_password(database, actor)
    return actor, email
