"""The moments sensor: every moment that is written down has a partition, and no other."""

from typing import Final

import dagster as dg

from martian_moments.defs.partitions import MOMENTS, moments_partitions
from martian_moments.pipelines.moments import moments_of
from martian_moments.settings import Settings

NAME: Final = "moments"


def moments_sensor(settings: Settings) -> dg.SensorDefinition:
    """Registers the moments that are written down, of the rovers that are kept; a wrong file fails the tick."""

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Registers the moments of the file that MARS_MOMENTS names as partitions; none is made before somebody "
        "asks for it.",
    )
    def moments(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        names = [moment.name for moment in moments_of(settings)]
        held = context.instance.get_dynamic_partitions(MOMENTS)
        new = [name for name in names if name not in held]
        gone = [name for name in held if name not in names]
        partitions = moments_partitions()
        requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
        if new:
            requests.append(partitions.build_add_request(new))
        if gone:
            requests.append(partitions.build_delete_request(gone))
        return dg.SensorResult(
            dynamic_partitions_requests=requests,
            skip_reason=f"{len(names)} moments, {len(new)} of them new, {len(gone)} no longer written down",
        )

    return moments
