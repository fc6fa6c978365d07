"""The paper's tables: no slip of the pen that sums and other tables would show."""

from statistics import fmean

import pytest

from spacy_nuner.report.paper import FEWSHOT
from spacy_nuner.report.paper_tables import TABLES
from spacy_nuner.report.sources import ABLATIONS, HOW, SOURCES


def column(number: str, name: str) -> dict[str, float]:
    table = TABLES[number]
    i = table.columns.index(name)
    return {key: row[i][0] for key, row in table.rows.items() if row[i] is not None}


def test_all_tables_are_there() -> None:
    assert list(TABLES) == [str(n) for n in range(1, 12)]
    for table in TABLES.values():
        assert all(len(row) == len(table.columns) for row in table.rows.values())
        assert set(SOURCES[table.number]) <= set(table.columns)
        assert HOW[table.number]
    assert set(ABLATIONS) <= set(TABLES)


@pytest.mark.parametrize(
    ("kind", "name", "average"),
    [
        ("INTRA", "TadNER", 61.26),
        ("INTRA", "NuNER-BERT", 63.07),
        ("INTER", "TadNER", 67.74),
        ("INTER", "NuNER-BERT", 69.61),
    ],
)
def test_table_1_has_the_printed_averages(kind: str, name: str, average: float) -> None:
    values = [v for key, v in column("1", name).items() if key.startswith(kind)]
    assert fmean(values) == pytest.approx(average, abs=0.006)


@pytest.mark.parametrize(("number", "k"), [("8", "8"), ("9", "64")])
@pytest.mark.parametrize("name", ["UniversalNER", "NuNER"])
def test_tables_by_data_set_average_to_table_2(number: str, k: str, name: str) -> None:
    values = column(number, name)
    average = values.pop("average")
    assert fmean(values.values()) == pytest.approx(average, abs=0.006)
    assert average == column("2", name)[k]


def test_tables_agree_with_each_other() -> None:
    nuner = column("3", "NuNER")
    assert column("7", "smaller (NuNER)") == nuner
    assert {int(k): v for k, v in nuner.items()} == FEWSHOT["nuner"]
    for k, value in column("6", "1,000,000").items():
        assert value == pytest.approx(nuner[k], abs=0.05)


@pytest.mark.parametrize("number", ["3", "4", "5", "6", "7"])
def test_more_examples_are_better_in_the_paper(number: str) -> None:
    for name in TABLES[number].columns:
        values = list(column(number, name).values())
        assert values == sorted(values)
