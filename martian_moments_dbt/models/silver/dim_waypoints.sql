{#
    Where the rovers were localized: the map server's waypoints, and of Spirit and Opportunity every place of the path, whose files
    report no odometer: distance_total_m is the distance along it from where the rover landed, and null where the path begins elsewhere.

    until_sol: a waypoint says when the rover came. It stood there until it left for the next one, which was on that one's sol,
    unless the map leaves something out: a place of Spirit and Opportunity has its own last sol; of the others, more was driven
    since than the next waypoint's own drive, or further than any rover drives in a sol.
#}
{% set same_place_m = 1 %}
{% set longest_drive_m = 420 %}

with waypoints as (
    select
        waypoints.rover,
        waypoints.site,
        waypoints.drive,
        waypoints.sol,
        waypoints.sol as last_sol,
        waypoints.longitude,
        waypoints.latitude,
        waypoints.elevation_m,
        odometers.odometer_m as distance_total_m,
        case when odometers.odometer_m is not null then 'odometer' end as distance_total_method,
        waypoints.drive_m,
        waypoints.heading_deg,
        odometers.is_landing_place,
        {{ longest_drive_m }} as longest_drive_m
    from {{ ref('localized_waypoints') }} as waypoints
    inner join {{ ref('odometers') }} as odometers
        on
            waypoints.rover = odometers.rover
            and waypoints.site = odometers.site
            and waypoints.drive = odometers.drive
),

places as (
    select
        rover,
        site,
        drive,
        min(start_sol) over (partition by rover, site, drive) as sol,
        max(coalesce(end_sol, start_sol)) over (partition by rover, site, drive) as last_sol,
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
        first_value(from_site) over (partition by rover order by leg) as first_site,
        first_value(from_drive) over (partition by rover order by leg) as first_drive,
        sum(length_m) over (
            partition by rover order by leg rows between unbounded preceding and current row
        ) as distance_total_m
    from {{ ref('legs_between_places') }}
),

landed as (
    select
        places.*,
        row_number() over (partition by places.rover order by places.site, places.drive) = 1
        and coalesce({{ sphere_metres(
            'places.longitude', 'places.latitude', 'rovers.landing_longitude', 'rovers.landing_latitude'
        ) }} <= {{ same_place_m }}, false) as is_landing_place
    from places
    left join {{ ref('dim_rovers') }} as rovers on places.rover = rovers.rover
),

walked as (
    select
        landed.*,
        case
            when landed.is_landing_place then 0
            when landing.rover is not null then driven.distance_total_m
        end as distance_total_m
    from landed
    left join driven
        on
            landed.rover = driven.rover
            and landed.site = driven.to_site
            and landed.drive = driven.to_drive
    left join landed as landing
        on
            driven.rover = landing.rover
            and driven.first_site = landing.site
            and driven.first_drive = landing.drive
            and landing.is_landing_place
),

localized as (
    select * from waypoints
    union all
    select
        rover,
        site,
        drive,
        sol,
        last_sol,
        longitude,
        latitude,
        cast(null as double) as elevation_m,
        distance_total_m,
        case when distance_total_m is not null then 'path' end as distance_total_method,
        cast(null as double) as drive_m,
        cast(null as double) as heading_deg,
        is_landing_place,
        0 as longest_drive_m
    from walked
),

followed as (
    select
        {%- for column in ['sol', 'longitude', 'latitude', 'distance_total_m', 'drive_m'] %}
        lead({{ column }}) over (partition by rover order by site, drive) as next_{{ column }},
        {%- endfor %}
        *
    from localized
),

measured as (
    select
        *,
        {{ way_metres('', 'next_') }} as next_m
    from followed
)

select
    rover,
    site,
    drive,
    sol,
    case
        when
            next_sol is null
            -- Driven on a sol that nobody reports: the way is longer than the next drive, or where that has
            -- no length, than any drive.
            or (
                next_sol > last_sol + 1
                and next_m >= {{ same_place_m }}
                and next_m > coalesce(
                    case
                        when next_drive_m > 0 and next_distance_total_m >= distance_total_m
                            then 1.01 * next_drive_m + {{ same_place_m }}
                    end,
                    longest_drive_m
                )
            )
            then last_sol
        else greatest(coalesce(last_sol, next_sol), next_sol)
    end as until_sol,
    {{ east_positive('longitude') }} as longitude,
    latitude,
    elevation_m,
    distance_total_m,
    distance_total_method,
    {{ east_positive('heading_deg') }} as heading_deg,
    is_landing_place
from measured
