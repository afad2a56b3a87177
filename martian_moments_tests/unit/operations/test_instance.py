"""A DAGSTER_HOME that another release has written: an embedded one is put right, a deployed one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from martian_moments.domain.errors import SettingsError
from martian_moments.operations.instance import INSTANCE_CONFIG, open_instance, prepare_instance
from martian_moments.settings import Settings

OF_ANOTHER_RELEASE = """
storage: {custom: {module: martian_moments.assets.storage, class: BatchingSqliteStorage, config: {base_dir: storage}}}
run_launcher: {module: martian_moments.dagster_runtime.launcher, class: WarmForkLauncher}
"""


def test_the_embedded_storage_of_a_release_with_other_module_names_is_opened(no_settings: None, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with prepare_instance(settings.instance_home, instance_config=INSTANCE_CONFIG, pools=settings.pools) as instance:
        instance.add_dynamic_partitions("sols", ["00001"])
    (settings.instance_home / "dagster.yaml").write_text(OF_ANOTHER_RELEASE, encoding="utf-8")
    with open_instance(settings) as instance:
        assert instance.get_dynamic_partitions("sols") == ["00001"]
    assert (settings.instance_home / "dagster.yaml").read_bytes() == INSTANCE_CONFIG.read_bytes()


def test_a_dagster_yaml_that_only_differs_is_kept(no_settings: None, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with prepare_instance(settings.instance_home, instance_config=INSTANCE_CONFIG, pools=settings.pools):
        pass
    own = INSTANCE_CONFIG.read_text(encoding="utf-8") + "\n# chosen by hand\n"
    (settings.instance_home / "dagster.yaml").write_text(own, encoding="utf-8")
    with open_instance(settings):
        pass
    assert (settings.instance_home / "dagster.yaml").read_text(encoding="utf-8") == own


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (OF_ANOTHER_RELEASE.encode(), r"names martian_moments\.assets\.storage, which is not installed here"),
        (b"storage: {custom: {module: no_such_package, class: X}}", "names no_such_package, which is not installed here"),
        (b"storage: [", "is not YAML"),
        (b"\xff\xfe\x00", "is not YAML"),
    ],
)
def test_a_deployed_dagster_yaml_that_cannot_be_used_is_named_in_a_line(
    no_settings: None, tmp_path: Path, content: bytes, said: str
) -> None:
    deployed = Settings(home=tmp_path / "home", dagster_home=tmp_path)
    (tmp_path / "dagster.yaml").write_bytes(content)
    with pytest.raises(SettingsError, match=said) as raised, open_instance(deployed):
        pass
    assert "\n" not in str(raised.value)
