{# Waypoints without a motion counter or a position (blank rows), which dim_waypoints cannot hold. #}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'stg_mmgis__waypoints'}}}) }}

select
    rover,
    position,
    rmc as place
from {{ ref('stg_mmgis__waypoints') }}
where {{ matched('rmc', '^([0-9]{1,9})_[0-9]{1,9}$') }} is null or longitude is null or latitude is null
union all
select
    rover,
    position,
    concat_ws('_', site, drive) as place
from {{ ref('stg_mer__places') }}
where site is null or drive is null or longitude is null or latitude is null
