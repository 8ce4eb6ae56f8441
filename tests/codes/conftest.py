"""A list of two rare cancers and their group, small enough to read."""

import pytest

ENTITIES = """\
entity_id,parent_id,family,tier,name,rare,codes_confidence
01,,Bone,1,Tumours of bone,true,derived
01.1,01,Bone,2,Osteosarcoma,true,derived
01.2,01,Bone,2,Chondrosarcoma,true,uncertain
"""
RULES = """\
entity_id,topography,morphology,behaviour,sex
01,C40.0-C40.9,8000;9180-9240,3,
01.1,C40.0-C40.9,9180-9195,3,
01.2,C40.0-C40.9,9220-9240,3,
"""
TOML = 'version = "small-1"\nstatement = "Made up for tests."\n'


@pytest.fixture
def write_list(tmp_path):
    """Write a list, with texts replaced, and return its folder."""

    def write(*, entities=ENTITIES, rules=RULES, toml=TOML, folder="list"):
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        (place / "entities.csv").write_text(entities, encoding="utf-8")
        (place / "rules.csv").write_text(rules, encoding="utf-8")
        (place / "list.toml").write_text(toml, encoding="utf-8")
        return place

    return write
