"""Bronze against the lake, as an asset check."""

from __future__ import annotations

import dagster as dg

from martian_moments_tests.platforms import Platform


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {each.asset_key.to_user_string(): each for each in result.get_asset_check_evaluations()}


def test_a_load_is_checked_against_the_lake_in_the_same_run(platform: Platform) -> None:
    platform.registered("curiosity", 5)
    platform.photos("curiosity", [1, 2, 3])
    all_of_it = evaluations(platform.run("bronze/curiosity/photos", sols=(0, 5)))["bronze/curiosity/photos"]
    assert all_of_it.passed
    assert all_of_it.metadata["objects that differ"].value == 0


def test_an_object_that_bronze_lacks_fails_the_check_and_not_the_run(platform: Platform) -> None:
    platform.registered("curiosity", 5)
    platform.photos("curiosity", [1, 2, 3])
    result = platform.run("bronze/curiosity/photos", sols=(2, 2))
    assert result.success
    check = evaluations(result)["bronze/curiosity/photos"]
    assert not check.passed
    assert check.metadata["objects that differ"].value == 2
    assert "sol=00001" in str(check.metadata["for example"].value)


def test_every_bronze_asset_has_the_check(platform: Platform) -> None:
    checks = {key.asset_key.to_user_string() for key in platform.definitions.resolve_asset_graph().asset_check_keys}
    bronze = {each for each in checks if each.startswith("bronze/")}
    assert bronze >= {"bronze/manifests", *(f"bronze/{rover}/photos" for rover in platform.settings.rovers)}
    assert "bronze/traverse" in bronze
