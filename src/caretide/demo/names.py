"""Names and places for people who do not exist, drawn from the communities that a clinic's list is made of."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Community:
    """Names that go together; `weight` is its share of those who speak English."""

    weight: int
    female: tuple[str, ...]
    male: tuple[str, ...]
    family: tuple[str, ...]


def _community(weight: int, female: str, male: str, family: str) -> Community:
    return Community(weight, tuple(female.split()), tuple(male.split()), tuple(family.split()))


COMMUNITIES: Final = {
    "midwestern": _community(
        46,
        "Dorothy Margaret Barbara Shirley Patricia Carol Judith Nancy Joyce Beverly Sandra Marlene Eleanor Harriet",
        "James Robert Donald Richard Kenneth Ronald Gerald Raymond Walter Harold Eugene Leonard Vernon Roger Dale",
        "Anderson Johnson Lindqvist Brennan Whitfield Abernathy Larsen McAllister Bergstrom Schroeder Gallagher Hayes "
        "Fitzgerald Underwood Hendricks Castellano Kaplan Rosenthal Bauer Sullivan",
    ),
    "southern": _community(
        22,
        "Geneva Odessa Ernestine Mavis Gloria Lorraine Constance Rosalind Evelyn Bernice",
        "Roosevelt Cornelius Otis Isaac Clarence Melvin Willie Luther Nathaniel Curtis",
        "Washington Jefferson Robinson Freeman Coleman Dupree Baptiste Booker Gaines Prudhomme Whitaker",
    ),
    "polish": _community(
        8,
        "Halina Danuta Krystyna Irena Wanda Bozena",
        "Stanislaw Zbigniew Andrzej Jerzy Tadeusz Kazimierz",
        "Kowalski Ostrowski Nowak Wojcik Zielinski Mazur",
    ),
    "indian": _community(6, "Lakshmi Sunita Kamala Usha", "Rajesh Suresh Mohan Vijay", "Patel Iyer Sharma Desai Nair"),
    "korean": _community(4, "Sunhee Youngja Misook", "Jinho Sangwoo Byungho", "Kim Park Choi Lim"),
    "west_african": _community(
        5, "Amina Nkechi Abena Folasade", "Kwame Emeka Kofi Babatunde", "Okafor Boateng Mensah Adeyemi"
    ),
    "armenian": _community(4, "Anahit Siranush Varduhi", "Hakob Garegin Vahan", "Petrosyan Sarkisian Hovsepian"),
    "arab": _community(5, "Fatima Samira Layla", "Yusuf Ibrahim Khalil", "Haddad Mansour Khoury Nasser"),
    "spanish": _community(
        0,
        "María Carmen Guadalupe Josefina Esperanza Dolores Consuelo Graciela Ofelia Rosario",
        "José Juan Manuel Francisco Ramón Ernesto Rubén Héctor Alfredo Ignacio",
        "Hernández Gutiérrez Castillo Ramírez Ortega Villanueva Cárdenas Fuentes Delgado Maldonado Espinoza Zamora",
    ),
    "vietnamese": _community(0, "Thuy Lan Huong Hanh", "Minh Duc Quang Hai", "Nguyen Truong Pham Vo"),
    "russian": _community(0, "Galina Lyudmila Tamara", "Viktor Anatoly Gennady", "Sokolov Zaitsev Morozov"),
}

LANGUAGES: Final = {
    "en": ("English", 82),
    "es": ("Spanish", 13),
    "vi": ("Vietnamese", 2),
    "pl": ("Polish", 3),
    "ru": ("Russian", 0),
}
"""BCP 47 tag -> name and weight: 82 % English, 13 % Spanish, 5 % other; a health system may have weights of its own."""

SPEAKERS: Final = {"es": "spanish", "vi": "vietnamese", "pl": "polish", "ru": "russian"}
"""Language other than English -> whose it is."""

STREETS: Final = (
    "Harbor Street", "Willow Lane", "Prairie Avenue", "Lincoln Road", "Cedar Court", "Orchard Drive", "Mill Road",
    "Lakeview Terrace", "Sycamore Street", "Meadow Lane", "Garfield Avenue", "Chapel Hill Road",
)  # fmt: skip
TOWNS: Final = (("Lakeside", "62990"), ("Port Alder", "62991"), ("Millbrook", "62992"), ("Prairie View", "62993"))
"""Towns of ours in Illinois, each with a ZIP code of ours."""
