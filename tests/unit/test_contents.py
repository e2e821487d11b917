"""`show` and completion tell a template's questions and files without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_scaffold.catalog import contents
from mlops_scaffold.source.builtin import builtin_root

if TYPE_CHECKING:
    from pathlib import Path

COPIER_YML = """\
_subdirectory: "templates/{{ template }}/project"
template: {type: str}
project_name:
  type: str
  help: Its name
  default: "{{ template }}"
shout:
  default: "{{ project_name | upper }}"
  when: false
greeting: "{% if true %}hi{% endif %}"
size: 3
---
!include templates/*/questions.yml
"""
OWN = """\
my_thing_colour:
  type: str
  choices: {Red: red, Blue: blue}
  default: red
  when: "{{ template == 'my-thing' }}"
my_thing_shape:
  choices: "{{ shapes }}"
  when: "{{ template == 'my-thing' }}"
"""
OTHER = """\
other_speed:
  default: 1
  when: "{{ template == 'other' }}"
"""


def make(root: Path) -> Path:
    files = {
        "copier.yml": COPIER_YML,
        "templates/my-thing/questions.yml": OWN,
        "templates/other/questions.yml": OTHER,
        "templates/my-thing/project/README.md.jinja": "{{ boom() }}",
        "templates/my-thing/project/{{ _copier_conf.answers_file }}.jinja": "",
        "templates/my-thing/project/src/{{ package_name }}/app.py": "",
        "templates/my-thing/project/{% if x %}extra.txt{% endif %}": "",
        "templates/my-thing/project/__pycache__/x.pyc": "",
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def test_a_project_asks_the_shared_questions_and_its_own(tmp_path: Path) -> None:
    found = contents.questions(make(tmp_path), "my-thing")
    told = {question.short: (question.default, question.choices) for question in found}
    assert told == {
        "project_name": ("my-thing", ()),
        "greeting": (None, ()),  # takes Jinja to tell
        "size": (3, ()),
        "colour": ("red", ("red", "blue")),
        "shape": (None, ()),
    }
    assert [question.type for question in found] == ["str", "str", "int", "str", "str"]


def test_our_reference_template_asks_at_most_five() -> None:
    found = contents.questions(builtin_root(), "model-service")
    shorts = [question.short for question in found]
    assert shorts == ["project_name", "owner", "dataset", "auth"]
    assert all(question.help for question in found)
    assert all(question.default is not None for question in found)
