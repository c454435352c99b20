"""Accounts with a password, for the tests of signing in."""

from sqlalchemy import insert, select, update

from caretide.identity.actions import HASHER
from caretide.identity.models import Account, Membership
from caretide.kernel.actor import Actor
from caretide.kernel.ids import new_id
from caretide.runtime.tx import Database

PASSWORD = "four unrelated cheerful words"


async def give_password(database: Database, actor: Actor, password: str = PASSWORD) -> str:
    """Let an actor of the cast sign in; return the address."""
    async with database.tx(Actor.nobody()) as tx:
        of_actor = Account.id == actor.account_id
        await tx.db.execute(update(Account).where(of_actor).values(password_hash=HASHER.hash(password)))
        return (await tx.db.execute(select(Account.email).where(of_actor))).scalar_one()


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
        row = {"id": account_id, "email": email, "display_name": "No Where", "password_hash": HASHER.hash(PASSWORD)}
        await tx.db.execute(insert(Account).values(**row))
    return Actor.account(account_id, "No Where"), email
