{#
    Sources differ in the sol by one at times, and a place that is interpolated may depend on the sol: of a stop's places the
    best stands, of equals the first.
#}
with counted as (
    select
        counts.rover,
        counts.site,
        counts.drive,
        min(counts.sol) as first_sol,
        max(counts.sol) as last_sol,
        cast(sum(counts.photos) as bigint) as photos,
        cast(sum(counts.thumbnails) as bigint) as thumbnails,
        count(distinct coalesce(names.camera, counts.source_camera)) as cameras,
        min(counts.first_taken_at_utc) as first_taken_at_utc,
        max(counts.last_taken_at_utc) as last_taken_at_utc
    from {{ ref('photo_counts') }} as counts
    left join {{ ref('camera_names') }} as names
        on counts.rover = names.rover and counts.source_camera = names.name
    where counts.site is not null and counts.drive is not null
    group by counts.rover, counts.site, counts.drive
),

places as (
    select *
    from {{ ref('photo_positions') }}
    where site is not null and drive is not null
    qualify
        row_number() over (
            partition by rover, site, drive
            order by
                case location_quality
                    when 'exact' then 1
                    when 'parked' then 2
                    when 'interpolated' then 3
                    when 'uncertain' then 4
                    else 5
                end,
                sol
        ) = 1
)

select
    concat_ws('|', counted.rover, cast(counted.site as varchar), cast(counted.drive as varchar)) as stop_id,
    counted.rover,
    counted.site,
    counted.drive,
    counted.first_sol,
    counted.last_sol,
    counted.photos,
    counted.thumbnails,
    counted.cameras,
    counted.first_taken_at_utc,
    counted.last_taken_at_utc,
    places.longitude,
    places.latitude,
    places.elevation_m,
    places.heading_deg,
    places.distance_driven_m,
    places.distance_driven_method,
    places.location_method,
    places.location_quality,
    places.location_uncertainty_m
from counted
inner join places
    on counted.rover = places.rover and counted.site = places.site and counted.drive = places.drive
