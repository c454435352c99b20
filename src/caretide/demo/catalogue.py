"""What generated charts are made of: chronic conditions with how common they are, medications, allergies.

Shares are of beneficiaries of original Medicare in 2018 (CMS, Chronic Conditions Prevalence, all beneficiaries) where
CMS counts the condition; the rest, from hypothyroidism on, are of the order that Medicare claims show. Codes are
ICD-10-CM, SNOMED CT and RxNorm.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Drug:
    """A prescription: RxNorm concept, its name, how it is taken."""

    rxnorm: str
    name: str
    dosage: str


@dataclass(frozen=True, slots=True)
class Disease:
    """A chronic condition; `share` of beneficiaries have it, of one sex where `sex` says so."""

    key: str
    icd10: str
    snomed: str
    name: str
    share: float
    drugs: tuple[Drug, ...] = ()
    sex: str | None = None


LISINOPRIL: Final = Drug("314076", "Lisinopril 10 MG Oral Tablet", "1 tablet by mouth once a day")
AMLODIPINE: Final = Drug("197361", "Amlodipine 5 MG Oral Tablet", "1 tablet by mouth once a day")
ATORVASTATIN: Final = Drug("617311", "Atorvastatin 40 MG Oral Tablet", "1 tablet by mouth at bedtime")
METFORMIN: Final = Drug(
    "860975", "24 HR Metformin hydrochloride 500 MG Extended Release Oral Tablet", "1 tablet by mouth with supper"
)
FUROSEMIDE: Final = Drug("313988", "Furosemide 40 MG Oral Tablet", "1 tablet by mouth every morning")
METOPROLOL: Final = Drug(
    "866436", "24 HR Metoprolol succinate 50 MG Extended Release Oral Tablet", "1 tablet by mouth once a day"
)
WARFARIN: Final = Drug("855332", "Warfarin Sodium 5 MG Oral Tablet", "as directed by the anticoagulation clinic")
CLOPIDOGREL: Final = Drug("309362", "Clopidogrel 75 MG Oral Tablet", "1 tablet by mouth once a day")
ASPIRIN: Final = Drug("243670", "Aspirin 81 MG Oral Tablet", "1 tablet by mouth once a day")
ALBUTEROL: Final = Drug(
    "745679", "200 ACTUAT Albuterol 0.09 MG/ACTUAT Metered Dose Inhaler", "2 puffs every 4 hours as needed"
)
FLUTICASONE: Final = Drug(
    "896209",
    "60 ACTUAT Fluticasone propionate 0.25 MG/ACTUAT / salmeterol 0.05 MG/ACTUAT Dry Powder Inhaler",
    "1 inhalation twice a day",
)
SERTRALINE: Final = Drug("312938", "Sertraline 100 MG Oral Tablet", "1 tablet by mouth once a day")
ALENDRONATE: Final = Drug("904419", "Alendronic acid 10 MG Oral Tablet", "1 tablet by mouth every morning, upright")
LEVOTHYROXINE: Final = Drug("966222", "Levothyroxine Sodium 0.075 MG Oral Tablet", "1 tablet by mouth before breakfast")
OMEPRAZOLE: Final = Drug(
    "198051", "Omeprazole 20 MG Delayed Release Oral Capsule", "1 capsule by mouth before breakfast"
)
GALANTAMINE: Final = Drug("310436", "Galantamine 4 MG Oral Tablet", "1 tablet by mouth twice a day")
IRON: Final = Drug("310325", "Ferrous sulfate 325 MG Oral Tablet", "1 tablet by mouth every other day")
ACETAMINOPHEN: Final = Drug("313782", "Acetaminophen 325 MG Oral Tablet", "2 tablets by mouth every 6 hours as needed")

DISEASES: Final = (
    Disease("hypertension", "I10", "59621000", "Essential hypertension", 0.572, (LISINOPRIL, AMLODIPINE)),
    Disease("hyperlipidemia", "E78.5", "55822004", "Hyperlipidemia", 0.477, (ATORVASTATIN,)),
    Disease("arthritis", "M17.9", "239873007", "Osteoarthritis of knee", 0.335, (ACETAMINOPHEN,)),
    Disease("diabetes", "E11.9", "44054006", "Type 2 diabetes mellitus", 0.270, (METFORMIN,)),
    Disease("ischemic", "I25.10", "53741008", "Coronary arteriosclerosis", 0.268, (ASPIRIN, CLOPIDOGREL)),
    Disease("kidney", "N18.30", "433144002", "Chronic kidney disease stage 3", 0.245),
    Disease("depression", "F32.9", "370143000", "Major depressive disorder", 0.184, (SERTRALINE,)),
    Disease("heart_failure", "I50.9", "84114007", "Heart failure", 0.140, (FUROSEMIDE, METOPROLOL)),
    Disease("copd", "J44.9", "13645005", "Chronic obstructive pulmonary disease", 0.115, (FLUTICASONE, ALBUTEROL)),
    Disease("dementia", "F03.90", "52448006", "Dementia", 0.109, (GALANTAMINE,)),
    Disease("fibrillation", "I48.91", "49436004", "Atrial fibrillation", 0.084, (WARFARIN, METOPROLOL)),
    Disease("osteoporosis", "M81.0", "64859006", "Osteoporosis", 0.067, (ALENDRONATE,)),
    Disease("asthma", "J45.909", "195967001", "Asthma", 0.050, (ALBUTEROL,)),
    Disease("hypothyroidism", "E03.9", "40930008", "Hypothyroidism", 0.150, (LEVOTHYROXINE,)),
    Disease("reflux", "K21.9", "235595009", "Gastroesophageal reflux disease", 0.160, (OMEPRAZOLE,)),
    Disease("obesity", "E66.9", "414916001", "Obesity", 0.150),
    Disease("anemia", "D64.9", "271737000", "Anemia", 0.140, (IRON,)),
    Disease("glaucoma", "H40.10X0", "84494001", "Open-angle glaucoma", 0.080),
    Disease("prostate", "N40.0", "266569009", "Benign prostatic hyperplasia", 0.160, sex="male"),
    Disease("breast_cancer", "C50.919", "254837009", "Malignant neoplasm of breast", 0.050, sex="female"),
)

TOGETHER: Final = {
    "diabetes": {"kidney": 1.6, "hyperlipidemia": 1.4, "hypertension": 1.3, "obesity": 1.6},
    "heart_failure": {"fibrillation": 2.2, "ischemic": 1.6, "hypertension": 1.4},
    "kidney": {"anemia": 1.8, "hypertension": 1.4},
    "ischemic": {"hyperlipidemia": 1.4, "hypertension": 1.3},
    "copd": {"heart_failure": 1.4},
}
"""How much likelier the one makes the other: rounded, enough for charts that hang together."""

SINGLE: Final = ("heart_failure", "copd", "kidney", "fibrillation")
"""Serious enough alone to be managed alone (PCM, CPT 99424-99427)."""

HOW_MANY: Final = {2: 11, 3: 18, 4: 25, 5: 15, 6: 10, 7: 7, 8: 4, 9: 3, 10: 4, 11: 2, 12: 1}
"""Conditions of somebody in care management -> weight: median 4, and 7 % with ten or more."""


@dataclass(frozen=True, slots=True)
class Substance:
    """Something to react to, in the code system that names it."""

    system: str
    code: str
    name: str
    reaction: tuple[str, str]
    criticality: str


_RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
_SNOMED: Final = "http://snomed.info/sct"
_RASH: Final = ("271807003", "Eruption of skin")
_HIVES: Final = ("247472004", "Wheal")

ALLERGIES: Final = (
    Substance(_RXNORM, "7984", "Penicillin V", _HIVES, "high"),
    Substance(_RXNORM, "10831", "Sulfamethoxazole / Trimethoprim", _RASH, "low"),
    Substance(_RXNORM, "1191", "Aspirin", _HIVES, "low"),
    Substance(_SNOMED, "111088007", "Latex", _RASH, "low"),
    Substance(_SNOMED, "735029006", "Shellfish", _HIVES, "high"),
)
