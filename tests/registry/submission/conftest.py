"""A folder of files with their submission.toml."""

import pytest

HEAD = """[submission]
registry = "X"
country = "FI"
period = [2000, 2009]
"""


@pytest.fixture
def submitted(tmp_path):
    """Write files and the rest of a submission.toml; returns the folder."""

    def write(toml, **files):
        for name, content in files.items():
            path = tmp_path / name.replace("__", ".")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        (tmp_path / "submission.toml").write_text(HEAD + toml, encoding="utf-8")
        return tmp_path

    return write
