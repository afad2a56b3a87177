{#
    The map server's waypoints, each once. Rows without a motion counter are blank rows of its table. Of two rows for one
    position the end of a drive (final = y) stands. place counts them in the order of the motion counters, which only grow.
#}
with localized as (
    select
        *,
        {{ matched('rmc', '^([0-9]{1,9})_[0-9]{1,9}$') }} as site_text,
        {{ matched('rmc', '^[0-9]{1,9}_([0-9]{1,9})$') }} as drive_text
    from {{ ref('stg_mmgis__waypoints') }}
),

waypoints as (
    select
        rover,
        cast(site_text as integer) as site,
        cast(drive_text as integer) as drive,
        sol,
        longitude,
        latitude,
        elevation_m,
        heading_deg,
        drive_m,
        distance_total_m as odometer_reported_m,
        final
    from localized
    where site_text is not null and longitude is not null and latitude is not null
    qualify
        row_number() over (
            partition by rover, site_text, drive_text
            order by case final when 'y' then 0 else 1 end, sol desc nulls last, position desc
        ) = 1
)

select
    *,
    row_number() over (partition by rover order by site, drive) as place
from waypoints
