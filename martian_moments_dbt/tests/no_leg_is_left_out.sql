{#
    Features of the traverse maps that fact_path cannot hold (no length, no line, half a motion counter), and those that say
    again in the same words what another one said. A line has two points at least; Curiosity's legs have nothing else that shows
    where they are.
#}
{{ config(severity='warn') }}

with legs as (
    select
        rover,
        position,
        from_rmc,
        to_rmc,
        geometry
    from {{ ref('stg_mmgis__legs') }}
    where from_rmc is null and to_rmc is null and geometry is not null
),

points as (
    {{ vertices('legs') }}
),

drawn as (
    select distinct
        rover,
        position
    from (
        select
            rover,
            position
        from points
        group by rover, position, line
        having count(*) > 1
    ) as lines
)

select
    legs.rover,
    legs.position,
    legs.from_rmc,
    legs.to_rmc,
    'no line' as reason
from legs
left join drawn on legs.rover = drawn.rover and legs.position = drawn.position
where drawn.rover is null
union all
select
    rover,
    position,
    from_rmc,
    to_rmc,
    'no length' as reason
from {{ ref('stg_mmgis__legs') }}
where length_m is null
union all
select
    rover,
    position,
    from_rmc,
    to_rmc,
    'no ends' as reason
from {{ ref('stg_mmgis__legs') }}
where
    (
        {{ matched('from_rmc', '^([0-9]{1,9})_[0-9]{1,9}$') }} is null
        or {{ matched('to_rmc', '^([0-9]{1,9})_[0-9]{1,9}$') }} is null
    )
    and (from_rmc is not null or to_rmc is not null or geometry is null)
union all
select
    rover,
    position,
    from_rmc,
    to_rmc,
    'reported before' as reason
from {{ ref('stg_mmgis__legs') }}
where geometry is not null
qualify
    row_number() over (
        partition by rover, sol, from_rmc, to_rmc, sclk_start, length_m, geometry
        order by position
    ) > 1
