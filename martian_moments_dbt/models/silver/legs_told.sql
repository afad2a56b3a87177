{#
    Legs whose file says from where to where they go. What is told twice in the same words is one leg. The order of driving is
    the order of the motion counters, which only ever grow; the spacecraft clock steps back once.
#}
with legs as (
    select distinct
        rover,
        sol,
        cast({{ matched('from_rmc', '^([0-9]{1,9})_[0-9]{1,9}$') }} as integer) as from_site,
        cast({{ matched('from_rmc', '^[0-9]{1,9}_([0-9]{1,9})$') }} as integer) as from_drive,
        cast({{ matched('to_rmc', '^([0-9]{1,9})_[0-9]{1,9}$') }} as integer) as to_site,
        cast({{ matched('to_rmc', '^[0-9]{1,9}_([0-9]{1,9})$') }} as integer) as to_drive,
        sclk_start,
        length_m,
        geometry
    from {{ ref('stg_mmgis__legs') }}
    where length_m is not null
)

select
    rover,
    row_number() over (
        partition by rover
        order by from_site, from_drive, to_site, to_drive, sol, sclk_start, length_m, geometry
    ) as leg,
    sol,
    'told' as sol_method,
    from_site,
    from_drive,
    to_site,
    to_drive,
    concat_ws('_', from_site, from_drive) as starts_at,
    length_m,
    geometry
from legs
where from_site is not null and to_site is not null
