{#
    Where the rover stood, for each sol, site and drive of its photos:

    * rmc: the waypoint of the same site and drive.
    * rmc_interpolated: between the waypoints of the same site before and after it, by the counter of the drive.
    * sol_interpolated: for photos without a counter, or with one that no waypoints surround. On a sol without a waypoint the
      rover stands where it stood last; else the photo lies halfway between where the sol began and where it ended. Before the
      first waypoint and after the sol of the last one nothing is known.
#}
with taken as (
    select distinct
        rover,
        sol,
        site,
        drive
    from {{ ref('photo_records') }}
),

waypoints as (
    select * from {{ ref('dim_waypoints') }}
),

counters as (
    select
        rover,
        site,
        drive,
        true as is_waypoint
    from waypoints
    union all
    select distinct
        rover,
        site,
        drive,
        false as is_waypoint
    from taken
    where site is not null and drive is not null
),

between_counters as (
    select distinct
        rover,
        site,
        drive,
        max(case when is_waypoint then drive end) over (
            partition by rover, site order by drive range between unbounded preceding and current row
        ) as drive_before,
        min(case when is_waypoint then drive end) over (
            partition by rover, site order by drive range between current row and unbounded following
        ) as drive_after
    from counters
),

sol_ends as (
    select *
    from waypoints
    where sol is not null
    qualify row_number() over (partition by rover, sol order by site desc, drive desc) = 1
),

sols as (
    select
        rover,
        sol,
        max(is_end) as is_end
    from (
        select
            rover,
            sol,
            1 as is_end
        from sol_ends
        union all
        select
            rover,
            sol,
            0 as is_end
        from taken
    ) as marked
    group by rover, sol
),

-- A sol without an end of its own is one on which the rover stayed where it was, if it is heard of later.
between_sols as (
    select
        rover,
        sol,
        max(case when is_end = 1 then sol end) over (
            partition by rover order by sol rows between unbounded preceding and 1 preceding
        ) as sol_before,
        case
            when is_end = 1 then sol
            when max(case when is_end = 1 then sol end) over (partition by rover) > sol
                then max(case when is_end = 1 then sol end) over (
                    partition by rover order by sol rows between unbounded preceding and current row
                )
        end as sol_at
    from sols
),

stretches as (
    select
        taken.rover,
        taken.sol,
        taken.site,
        taken.drive,
        case
            when exact.rover is not null then 'rmc'
            when later.rover is not null then 'rmc_interpolated'
            when ends.rover is not null then 'sol_interpolated'
        end as location_method,
        {%- for column in ['longitude', 'latitude', 'elevation_m', 'distance_total_m', 'heading_deg'] %}
        case
            when exact.rover is not null then exact.{{ column }}
            when later.rover is not null then earlier.{{ column }}
            else coalesce(starts.{{ column }}, ends.{{ column }})
        end as from_{{ column }},
        case
            when exact.rover is not null then exact.{{ column }}
            when later.rover is not null then later.{{ column }}
            else ends.{{ column }}
        end as to_{{ column }},
        {%- endfor %}
        (taken.drive - earlier.drive) / cast(later.drive - earlier.drive as double) as share
    from taken
    left join waypoints as exact
        on taken.rover = exact.rover and taken.site = exact.site and taken.drive = exact.drive
    left join between_counters
        on
            taken.rover = between_counters.rover
            and taken.site = between_counters.site
            and taken.drive = between_counters.drive
            and between_counters.drive_before < between_counters.drive_after
    left join waypoints as earlier
        on
            between_counters.rover = earlier.rover
            and between_counters.site = earlier.site
            and between_counters.drive_before = earlier.drive
    left join waypoints as later
        on
            between_counters.rover = later.rover
            and between_counters.site = later.site
            and between_counters.drive_after = later.drive
    left join between_sols
        on taken.rover = between_sols.rover and taken.sol = between_sols.sol
    left join sol_ends as starts
        on between_sols.rover = starts.rover and between_sols.sol_before = starts.sol
    left join sol_ends as ends
        on between_sols.rover = ends.rover and between_sols.sol_at = ends.sol
),

weighed as (
    select
        *,
        case when location_method = 'sol_interpolated' then 0.5 else share end as weight,
        {{ sphere_metres('from_longitude', 'from_latitude', 'to_longitude', 'to_latitude') }} as metres
    from stretches
)

select
    rover,
    sol,
    site,
    drive,
    -- To the centimetre and the millimetre: floats differ in their last digits between warehouses.
    {%- for column, name, digits in [
        ('longitude', 'longitude', 7),
        ('latitude', 'latitude', 7),
        ('elevation_m', 'elevation_m', 3),
        ('distance_total_m', 'distance_driven_m', 3),
    ] %}
    case
        when location_method = 'rmc' then to_{{ column }}
        else round(from_{{ column }} + weight * (to_{{ column }} - from_{{ column }}), {{ digits }})
    end as {{ name }},
    {%- endfor %}
    case when metres < 1 then to_heading_deg end as heading_deg,
    location_method,
    case
        when location_method = 'rmc' then 'exact'
        when metres < 1 then 'parked'
        when location_method is not null then 'interpolated'
    end as location_quality,
    case when location_method = 'rmc' then 0 else round(metres, 3) end as location_uncertainty_m
from weighed
