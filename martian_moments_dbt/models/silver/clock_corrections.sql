{#
    Spacecraft clocks against UTC, see the seed clock_points: UTC = 2000-01-01T11:58:55.816Z + clock + correction, straight
    between two known points.
#}
with segments as (
    select
        rover,
        clock,
        correction_s,
        lag(clock) over (partition by rover order by clock) as clock_before,
        lead(clock) over (partition by rover order by clock) as next_clock,
        lead(correction_s) over (partition by rover order by clock) as next_correction_s
    from {{ facts('clock_points') }}
)

-- Before the first and after the last point the nearest stretch goes on: rates change by 1 % in years.
select
    segments.rover,
    segments.clock,
    segments.correction_s,
    (segments.next_correction_s - segments.correction_s) / (segments.next_clock - segments.clock) as drift,
    case when segments.clock_before is null then 0 else segments.clock end as clock_from,
    coalesce(
        lead(segments.clock) over (partition by segments.rover order by segments.clock), 1e12
    ) as clock_to,
    rovers.clock_uncertainty_s as uncertainty_s
from segments
inner join {{ facts('rovers') }} as rovers on segments.rover = rovers.rover
where segments.next_clock is not null
