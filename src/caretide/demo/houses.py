"""The generated company as data: a service company, the two health systems it works for, their clinics and people.

Nothing here can be anybody's: NPIs begin with 999, which CMS never gives out, and telephone numbers end in 555-01xx.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Final
from zoneinfo import ZoneInfo

from caretide.kernel.permissions import Role

SERVICE_COMPANY: Final = "Tidewater Care Partners (generated)"
COMPANY_SLUG: Final = "tidewater-demo"
COMPANY_DOMAIN: Final = "tidewater.example"

Shift = tuple[time, time]
_FULL: Final[Shift] = (time(9), time(16, 45))


@dataclass(frozen=True, slots=True)
class Doctor:
    """A generated billing practitioner; `site` is the clinic whose billing group the practitioner bills for."""

    key: str
    npi: str
    family: str
    given: str
    kind: str
    site: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A clinic, with the towns, postal codes and area codes of the people around it.

    `weight` is its share of the patients. `lapse` is what it stops having when the present month begins: a kind of
    clinic fact and the reason.
    """

    slug: str
    name: str
    time_zone: str
    tin_group: str
    address: str
    phone: str
    nurse_line: str
    state: str
    area_codes: tuple[str, ...]
    towns: tuple[tuple[str, str], ...]
    weight: int
    lapse: tuple[str, str] | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A place in the company and who has it.

    `shifts` holds the hours in each health system's own time: somebody who works in two is never in both at once.
    `doctors` says which billing practitioner somebody is; `licenses` are states, with the days that are left of each.
    `hint` is what to try when signed in.
    """

    key: str
    name: str
    role: Role
    credential: str = ""
    domain: str = COMPANY_DOMAIN
    languages: tuple[str, ...] = ("en",)
    licenses: Mapping[str, int] = field(default_factory=dict[str, int])
    shifts: Mapping[str, Shift] = field(default_factory=dict[str, Shift])
    doctor: str | None = None
    weekly_hours: int = 40
    hint: str = ""

    @property
    def email(self) -> str:
        """The address to sign in with."""
        return f"{self.key}@{self.domain}"

    @property
    def is_ours(self) -> bool:
        """Whether the person is of the service company."""
        return self.domain == COMPANY_DOMAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A health system that the company works for.

    `panel` is how the patients who speak English are shared out, by seat; `speakers` who takes which other language;
    `away` is the seat of somebody who goes on leave in the last full month, and `cover` who takes over; `left` somebody
    whose access ends in it.
    """

    key: str
    label: str
    slug: str
    name: str
    payer: str
    mrn: str
    sites: tuple[Site, ...]
    doctors: tuple[Doctor, ...]
    languages: Mapping[str, int]
    panel: Mapping[str, int]
    speakers: Mapping[str, str]
    weight: int
    away: str | None = None
    cover: tuple[str, ...] = ()
    left: Seat | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the house's working day is told."""
        return self.sites[0].zone


def npi(body: int) -> str:
    """Return the NPI 999bbbbbb with its check digit (Luhn over 80840 and the number, 45 CFR 162.406)."""
    digits = f"999{body:06d}"
    total = 0
    for place, digit in enumerate(reversed("80840" + digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return f"{digits}{-total % 10}"


LAKESIDE: Final = House(
    key="lakeside",
    label="Lakeside",
    slug="lakeside-demo",
    name="Lakeside Health (generated)",
    payer="Prairie",
    mrn="LK",
    weight=53,
    languages={"en": 82, "es": 13, "pl": 3, "vi": 2},
    panel={"joy": 37, "daniel": 36, "kasia": 27},
    speakers={"es": "lucia", "pl": "kasia", "vi": "mai"},
    left=Seat(key="tobias", name="Tobias Lang", role=Role.COORDINATOR, credential="LPN", licenses={"IL": 300}),
    doctors=(
        Doctor("raman", npi(104211), "Raman", "Priya", "physician", 0),
        Doctor("whitlock", npi(233875), "Whitlock", "Thomas", "nurse_practitioner", 1),
        Doctor("adeyemi", npi(310467), "Adeyemi", "Folasade", "physician", 2),
    ),
    sites=(
        Site(
            slug="lakeside",
            name="Lakeside Family Medicine",
            time_zone="America/Chicago",
            tin_group="Lakeside Medical Group",
            address="210 Harbor Street, Lakeside, IL 62990",
            phone="(217) 555-0100",
            nurse_line="(217) 555-0199",
            state="IL",
            area_codes=("217", "309"),
            towns=(("Lakeside", "62990"), ("Millbrook", "62992"), ("Prairie View", "62993")),
            weight=50,
        ),
        Site(
            slug="port-alder",
            name="Port Alder Clinic",
            time_zone="America/Chicago",
            tin_group="Lakeside Medical Group",
            address="18 Mill Road, Port Alder, IL 62991",
            phone="(309) 555-0101",
            nurse_line="(217) 555-0199",
            state="IL",
            area_codes=("309", "815"),
            towns=(("Port Alder", "62991"), ("Millbrook", "62992")),
            weight=35,
        ),
        Site(
            slug="high-prairie",
            name="High Prairie Internal Medicine",
            time_zone="America/Denver",
            tin_group="High Prairie Physicians",
            address="4 Depot Street, High Prairie, CO 80990",
            phone="(970) 555-0102",
            nurse_line="(970) 555-0198",
            state="CO",
            area_codes=("970",),
            towns=(("High Prairie", "80990"), ("Arlen", "80991")),
            weight=15,
        ),
    ),
)

CASCADIA: Final = House(
    key="cascadia",
    label="Cascadia",
    slug="cascadia-demo",
    name="Cascadia Care Network (generated)",
    payer="Evergreen",
    mrn="CC",
    weight=47,
    languages={"en": 82, "es": 13, "vi": 3, "ru": 2},
    panel={"ben": 42, "mai": 30, "anneke": 28},
    speakers={"es": "lucia", "vi": "mai", "ru": "anneke"},
    away="anneke",
    cover=("ben", "mai"),
    doctors=(
        Doctor("marsh", npi(415098), "Marsh", "Elena", "physician", 0),
        Doctor("kealoha", npi(527731), "Kealoha", "Samuel", "physician_assistant", 0),
        Doctor("lindgren", npi(608244), "Lindgren", "Astrid", "physician", 1),
    ),
    sites=(
        Site(
            slug="port-sorrel",
            name="Port Sorrel Medical Group",
            time_zone="America/Los_Angeles",
            tin_group="Port Sorrel Medical Group",
            address="77 Ferry Landing, Port Sorrel, WA 98990",
            phone="(360) 555-0110",
            nurse_line="(360) 555-0197",
            state="WA",
            area_codes=("360", "564"),
            towns=(("Port Sorrel", "98990"), ("Tolliver Bay", "98991"), ("Cedar Ferry", "98993")),
            weight=87,
        ),
        Site(
            slug="harrow-falls",
            name="Harrow Falls Clinic",
            time_zone="America/Los_Angeles",
            tin_group="Harrow Falls Health Services",
            address="9 Quarry Road, Harrow Falls, WA 98992",
            phone="(509) 555-0111",
            nurse_line="(509) 555-0196",
            state="WA",
            area_codes=("509",),
            towns=(("Harrow Falls", "98992"), ("Basalt", "98994")),
            weight=13,
            lapse=("round-the-clock-access", "The night line's contract has ended; nobody answers after six"),
        ),
    ),
)

HOUSES: Final = (LAKESIDE, CASCADIA)

SEATS: Final = (
    Seat(
        key="grace",
        name="Grace Okonjo",
        role=Role.ADMINISTRATOR,
        domain="lakeside.example",
        shifts={"lakeside": _FULL},
        hint="Administration: people, licenses, a clinic; invite somebody",
    ),
    Seat(
        key="owen",
        name="Owen Lindahl",
        role=Role.ADMINISTRATOR,
        domain="cascadia.example",
        shifts={"cascadia": _FULL},
        hint="Administration: Harrow Falls lacks round-the-clock access",
    ),
    Seat(
        key="helen",
        name="Helen Sorensen",
        role=Role.MANAGER,
        credential="RN",
        licenses={"IL": 410, "CO": 380, "WA": 405},
        shifts={"lakeside": (time(7), time(12)), "cascadia": (time(10, 15), time(15))},
        hint="Team: approvals, a timer left running, nobody's patients",
    ),
    Seat(
        key="joy",
        name="Joy Ramsey",
        role=Role.COORDINATOR,
        credential="RN",
        licenses={"IL": 520, "CO": 300},
        shifts={"lakeside": _FULL},
        hint="My day: start a timer, log a call; a colleague's roster too",
    ),
    Seat(
        key="daniel",
        name="Daniel Osei",
        role=Role.COORDINATOR,
        credential="LPN",
        licenses={"IL": 260, "CO": 260},
        shifts={"lakeside": _FULL},
        hint="A patient's month: a timer that ran all night, voided",
    ),
    Seat(
        key="kasia",
        name="Katarzyna Nowicka",
        role=Role.COORDINATOR,
        credential="RN",
        languages=("en", "pl"),
        licenses={"IL": 640, "CO": 640},
        shifts={"lakeside": _FULL},
        hint="My day: your timer runs since the last evening",
    ),
    Seat(
        key="lucia",
        name="Lucía Moreno",
        role=Role.COORDINATOR,
        credential="RN",
        languages=("es", "en"),
        licenses={"IL": 450, "CO": 430, "WA": 24},
        shifts={"lakeside": (time(8, 30), time(12, 30)), "cascadia": (time(11), time(15))},
        hint="Two health systems, one sign-in; a license about to expire",
    ),
    Seat(
        key="mai",
        name="Mai Tran",
        role=Role.COORDINATOR,
        credential="RN",
        languages=("vi", "en"),
        licenses={"WA": 700, "IL": 330, "CO": 330},
        shifts={"lakeside": (time(10), time(11, 15)), "cascadia": (time(9, 30), time(16, 45))},
        hint="Two health systems; patients taken over from a colleague on leave",
    ),
    Seat(
        key="ben",
        name="Ben Hartley",
        role=Role.COORDINATOR,
        credential="RN",
        licenses={"WA": 350},
        shifts={"cascadia": _FULL},
        hint="My day at Cascadia: patients of the clinic that lacks a fact",
    ),
    Seat(
        key="anneke",
        name="Anneke Volkova",
        role=Role.COORDINATOR,
        credential="LPN",
        languages=("ru", "en"),
        licenses={"WA": 290},
        shifts={"cascadia": _FULL},
        weekly_hours=32,
        hint="On leave: an empty day",
    ),
    Seat(
        key="carla",
        name="Carla Winter",
        role=Role.BILLING,
        shifts={"lakeside": (time(8), time(12)), "cascadia": (time(11), time(15))},
        hint="Months: the closed one, its records, and what blocks the rest",
    ),
    Seat(
        key="priya",
        name="Priya Raman",
        role=Role.PRACTITIONER,
        credential="MD",
        domain="lakeside.example",
        licenses={"IL": 480},
        shifts={"lakeside": (time(9), time(16, 45))},
        doctor="raman",
        hint="A patient of hers: elect a code family, record a decision",
    ),
    Seat(
        key="elena",
        name="Elena Marsh",
        role=Role.PRACTITIONER,
        credential="MD",
        domain="cascadia.example",
        languages=("en", "es"),
        licenses={"WA": 615},
        shifts={"cascadia": (time(9), time(16, 45))},
        doctor="marsh",
        hint="A patient of hers: elect a code family, record a decision",
    ),
    Seat(
        key="ruth",
        name="Ruth Feldman",
        role=Role.AUDITOR,
        shifts={"lakeside": (time(9), time(12)), "cascadia": (time(11), time(15))},
        hint="Months: read everything, change nothing",
    ),
)
"""Fourteen accounts; whoever has shifts in both health systems works in both with one sign-in."""

INVITED: Final = Seat(
    key="noor",
    name="Noor Haddad",
    role=Role.COORDINATOR,
    credential="RN",
    languages=("ar", "en"),
    shifts={"lakeside": _FULL},
)
"""Somebody who has not answered the invitation yet."""


def seats_of(house: House) -> tuple[Seat, ...]:
    """Return who works for a health system."""
    return tuple(seat for seat in SEATS if house.key in seat.shifts)


def seat(key: str) -> Seat:
    """Return a seat by its key."""
    return next(one for one in SEATS if one.key == key)
