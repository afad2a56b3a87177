{#
    Legs whose file says from where to where they go. What is reported twice in the same words is one leg. The order of driving is
    the order of the motion counters, which only ever grow; the spacecraft clock steps back once.

    A leg may be of several sols: the sol at the end is reported, that at the start follows from the spacecraft clock (44_2258 to
    44_4864, 474 m on the sols 908 and 909; 16_0 to 17_0 between the sols 390 and 394).
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
        sclk_end,
        length_m,
        geometry
    from {{ ref('stg_mmgis__legs') }}
    where length_m is not null
),

clocked as (
    select
        legs.*,
        {{ milliseconds_between(
            'rovers.first_midnight_utc',
            seconds_after(
                clock_zero(),
                'legs.sclk_start + clocks.correction_s + (legs.sclk_start - clocks.clock) * clocks.drift'
            )
        ) }} as start_ms,
        rovers.first_sol as first_sol_of_mission
    from legs
    left join {{ ref('dim_rovers') }} as rovers on legs.rover = rovers.rover
    left join {{ ref('clock_corrections') }} as clocks
        on
            legs.rover = clocks.rover
            and legs.sclk_start >= clocks.clock_from
            and legs.sclk_start < clocks.clock_to
),

started as (
    select
        *,
        case
            when start_ms >= 0 then cast({{ mission_sol('start_ms', 'first_sol_of_mission') }} as integer)
        end as start_sol
    from clocked
)

select
    rover,
    row_number() over (
        partition by rover
        order by from_site, from_drive, to_site, to_drive, sol, sclk_start, sclk_end, length_m, geometry
    ) as leg,
    sol,
    case when start_sol < sol then start_sol else sol end as start_sol,
    case when sol is not null then 'told' end as sol_method,
    from_site,
    from_drive,
    to_site,
    to_drive,
    concat_ws('_', from_site, from_drive) as starts_at,
    sclk_start,
    sclk_end,
    length_m,
    geometry
from started
where from_site is not null and to_site is not null
