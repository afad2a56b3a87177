{#
    Legs overlap: the map server repeats a drive of several sols from its start, each time a little further (sols 350, 351
    and 352 all start at 9_2982). A leg that starts where another one started tells the same track again, so only what lies
    beyond the furthest point told from there is newly driven. On the file of 2026-04 the sum is 41,737.68 m, beside 41,737.78 m
    by the rover's own odometer and 42,541.68 m without this rule.

    The order of driving is the order of the motion counters, which only ever grow; the spacecraft clock steps back once.
#}
with legs as (
    select distinct
        rover,
        sol,
        cast({{ matched('from_rmc', '^([0-9]+)_[0-9]+$') }} as integer) as from_site,
        cast({{ matched('from_rmc', '^[0-9]+_([0-9]+)$') }} as integer) as from_drive,
        cast({{ matched('to_rmc', '^([0-9]+)_[0-9]+$') }} as integer) as to_site,
        cast({{ matched('to_rmc', '^[0-9]+_([0-9]+)$') }} as integer) as to_drive,
        sclk_start,
        length_m,
        geometry
    from {{ ref('stg_mmgis__legs') }}
    where length_m is not null
),

numbered as (
    select
        *,
        row_number() over (
            partition by rover
            order by from_site, from_drive, to_site, to_drive, sol, sclk_start, length_m, geometry
        ) as leg
    from legs
    where from_site is not null and to_site is not null
),

measured as (
    select
        *,
        coalesce(
            max(length_m) over (
                partition by rover, from_site, from_drive
                order by leg
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as length_told_m
    from numbered
)

select
    rover,
    cast(leg as integer) as leg,
    sol,
    from_site,
    from_drive,
    to_site,
    to_drive,
    length_m,
    greatest(length_m - length_told_m, 0) as distance_m,
    geometry
from measured
