"""The docstrings under fields, as pydantic finds them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, create_model

from gpusim.report.reference import meaning


class Plain(BaseModel):
    """No meaning of a field."""

    power_w: float = 1.0
    """[W] What it draws,
    on average."""
    untold: int = 0
    told: int = Field(0, description="By its description.")
    """Not by this."""


class Below(Plain):
    untold: int = 1
    """Here it is."""


class ToldPlain(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    power_w: float = 1.0
    """[W] What it draws,
    on average."""
    untold: int = 0
    told: int = Field(0, description="By its description.")
    """Not by this."""


def test_as_pydantic() -> None:
    expected = {name: field.description or "" for name, field in ToldPlain.model_fields.items()}
    assert {name: meaning(Plain, name) for name in Plain.model_fields} == expected
    assert expected["power_w"] == "[W] What it draws,\non average."


def test_of_the_model_below_where_it_says_more() -> None:
    assert meaning(Below, "untold") == "Here it is."
    assert meaning(Below, "power_w") == meaning(Plain, "power_w")


def test_a_model_made_by_code() -> None:
    made = create_model("Made", __base__=Below, extra=(int, 0))
    assert meaning(made, "untold") == "Here it is."
    assert meaning(made, "extra") == ""
