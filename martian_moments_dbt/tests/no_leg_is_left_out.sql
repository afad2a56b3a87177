{#
    Features of the traverse maps that fact_path cannot hold (no length, no line, half a motion counter), and those that say
    again in the same words what another one said.
#}
{{ config(severity='warn') }}

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
    'told before' as reason
from {{ ref('stg_mmgis__legs') }}
where geometry is not null
qualify
    row_number() over (
        partition by rover, sol, from_rmc, to_rmc, sclk_start, length_m, geometry
        order by position
    ) > 1
