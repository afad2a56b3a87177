{#
    Rows without a motion counter are blank rows of the map server's table. Of two rows for one position the end of a drive
    (final = y) stands. Positions in the middle of a drive carry a total of 0, which means that none was computed.

    Of Spirit and Opportunity every place of the path is one; their odometer is the distance along it.
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
        nullif(elevation_m, -9999) as elevation_m,
        case
            when final = 'm' and distance_total_m = 0 then null else distance_total_m
        end as distance_total_m,
        {{ east_positive('heading_deg') }} as heading_deg
    from localized
    where site_text is not null and longitude is not null and latitude is not null
    qualify
        row_number() over (
            partition by rover, site_text, drive_text
            order by case final when 'y' then 0 else 1 end, sol desc nulls last, position desc
        ) = 1
),

places as (
    select
        rover,
        site,
        drive,
        min(start_sol) over (partition by rover, site, drive) as sol,
        longitude,
        latitude
    from {{ ref('stg_mer__places') }}
    where
        kind = 'waypoints'
        and site is not null
        and drive is not null
        and longitude is not null
        and latitude is not null
    qualify
        row_number() over (
            partition by rover, site, drive
            order by start_sol desc, end_sol desc, position desc
        ) = 1
),

driven as (
    select
        rover,
        to_site,
        to_drive,
        sum(length_m) over (
            partition by rover order by leg rows between unbounded preceding and current row
        ) as distance_total_m
    from {{ ref('legs_between_places') }}
)

select
    rover,
    site,
    drive,
    sol,
    {{ east_positive('longitude') }} as longitude,
    latitude,
    elevation_m,
    distance_total_m,
    heading_deg
from waypoints
union all
select
    places.rover,
    places.site,
    places.drive,
    places.sol,
    places.longitude,
    places.latitude,
    cast(null as double) as elevation_m,
    coalesce(driven.distance_total_m, 0) as distance_total_m,
    cast(null as double) as heading_deg
from places
left join driven
    on
        places.rover = driven.rover
        and places.site = driven.to_site
        and places.drive = driven.to_drive
