{#
    Rows without a motion counter are blank rows of the map server's table. Of two rows for one position the end of a drive
    (final = y) stands. Positions in the middle of a drive carry a total of 0, which means that none was computed.
#}
with waypoints as (
    select
        *,
        {{ matched('rmc', '^([0-9]+)_[0-9]+$') }} as site_text,
        {{ matched('rmc', '^[0-9]+_([0-9]+)$') }} as drive_text
    from {{ ref('stg_mmgis__waypoints') }}
)

select
    rover,
    cast(site_text as integer) as site,
    cast(drive_text as integer) as drive,
    sol,
    longitude,
    latitude,
    nullif(elevation_m, -9999) as elevation_m,
    case when final = 'm' and distance_total_m = 0 then null else distance_total_m end as distance_total_m
from waypoints
where site_text is not null and longitude is not null and latitude is not null
qualify
    row_number() over (
        partition by rover, site_text, drive_text
        order by case final when 'y' then 0 else 1 end, sol desc nulls last, position desc
    ) = 1
