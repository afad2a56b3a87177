{#
    Where the rover stood, for each sol, site and drive of its photos:

    * rmc: the waypoint of the same site and drive.
    * rmc_interpolated: between the waypoints before and after it, within a site by the counter of the drive; halfway where the
      site changes in between.
    * landing: before the first waypoint, where that is the landing place. The counter of sites goes up before the first drive
      (sites 1, 2 and 3 of Perseverance, sols 0 to 13, are one point).
    * sol_interpolated: for photos without a counter. On a sol without a waypoint the rover stands where it stood last; else the
      photo lies halfway between where the sol began and where it ended. So also where the sol contradicts the counter, or the
      counter lies outside the map although the sol does not.

    Before any other first waypoint and after the last one nothing is known. uncertain is what the map does not show: a place
    between two waypoints with a hole between them (dim_waypoints.until_sol), or of a counter that was not believed.
#}
with taken as (
    select distinct
        rover,
        sol,
        site,
        drive
    from {{ ref('photo_counts') }}
),

-- place counts a rover's waypoints in the order of driving; near_m leads to the next one, from the last to
-- the one before.
waypoints as (
    select
        *,
        coalesce(
            {{ way_metres('', 'next_') }}, {{ way_metres('', 'last_') }}
        ) as near_m
    from (
        select
            {%- for column in ['longitude', 'latitude', 'distance_total_m'] %}
            lead({{ column }}) over (partition by rover order by site, drive) as next_{{ column }},
            lag({{ column }}) over (partition by rover order by site, drive) as last_{{ column }},
            {%- endfor %}
            row_number() over (partition by rover order by site, drive) as place,
            *
        from {{ ref('dim_waypoints') }}
    ) as ordered
),

counters as (
    select
        rover,
        site,
        drive,
        max(place) as place
    from (
        select
            rover,
            site,
            drive,
            place
        from waypoints
        union all
        select
            rover,
            site,
            drive,
            null as place
        from taken
        where site is not null and drive is not null
    ) as listed
    group by rover, site, drive
),

between_counters as (
    select
        *,
        max(place) over (
            partition by rover order by site, drive rows between unbounded preceding and 1 preceding
        ) as place_before,
        min(place) over (
            partition by rover order by site, drive rows between 1 following and unbounded following
        ) as place_after
    from counters
),

-- Sources differ by one sol at times.
counted as (
    select
        taken.*,
        between_counters.rover is not null as has_counter,
        between_counters.place,
        between_counters.place_before,
        between_counters.place_after,
        between_counters.place_before is null
        and coalesce(waypoint_after.is_landing_place, false) as is_before_driving,
        coalesce(taken.sol < waypoint_before.sol - 1, false)
        or coalesce(taken.sol > waypoint_after.until_sol + 1, false) as is_disputed
    from taken
    left join between_counters
        on
            taken.rover = between_counters.rover
            and taken.site = between_counters.site
            and taken.drive = between_counters.drive
    left join waypoints as waypoint_before
        on
            between_counters.rover = waypoint_before.rover
            and between_counters.place_before = waypoint_before.place
    left join waypoints as waypoint_after
        on
            between_counters.rover = waypoint_after.rover
            and between_counters.place_after = waypoint_after.place
),

sol_ends as (
    select
        rover,
        sol,
        place
    from waypoints
    where sol is not null
    qualify row_number() over (partition by rover, sol order by place desc) = 1
),

sols as (
    select
        rover,
        sol,
        max(place) as place
    from (
        select
            rover,
            sol,
            place
        from sol_ends
        union all
        select
            rover,
            sol,
            null as place
        from taken
    ) as marked
    group by rover, sol
),

-- The ends of the sols before it, of itself, and after it. Counters only grow, so the latest sol has the
-- highest place.
between_sols as (
    select
        rover,
        sol,
        place,
        max(place) over (
            partition by rover order by sol rows between unbounded preceding and 1 preceding
        ) as place_before,
        min(place) over (
            partition by rover order by sol rows between 1 following and unbounded following
        ) as place_after
    from sols
),

-- A sol without an end of its own is one on which the rover stayed where it was, if the map has it there or
-- reports it later.
by_sol as (
    select
        between_sols.rover,
        between_sols.sol,
        case
            when between_sols.place is not null
                then coalesce(between_sols.place_before, landing.place, between_sols.place)
            when between_sols.place_after is not null
                then coalesce(between_sols.place_before, landing.place)
            when starts.until_sol >= between_sols.sol then between_sols.place_before
        end as from_place,
        case
            when between_sols.place is not null then between_sols.place
            when starts.until_sol >= between_sols.sol then between_sols.place_before
            when between_sols.place_after is null then null
            when between_sols.place_before is null then landing.place
            when starts.until_sol < between_sols.sol then between_sols.place_after
            else between_sols.place_before
        end as to_place,
        between_sols.place_before is null and between_sols.place is null as is_before_driving,
        -- A map may begin anywhere: only at the landing place it shows how the rover came there.
        case
            when between_sols.place_before is not null
                then coalesce(starts.until_sol < between_sols.sol, false)
            else landing.place is null
        end as is_hole
    from between_sols
    left join waypoints as starts
        on between_sols.rover = starts.rover and between_sols.place_before = starts.place
    left join waypoints as landing
        on between_sols.rover = landing.rover and landing.place = 1 and landing.is_landing_place
),

-- By the counter where it lies in the map and the sol agrees, else by the sol.
chosen as (
    select
        counted.rover,
        counted.sol,
        counted.site,
        counted.drive,
        counted.has_counter,
        case
            when is_by_counter and counted.place is not null then 'rmc'
            when is_by_counter and counted.is_before_driving then 'landing'
            when is_by_counter then 'rmc_interpolated'
            when by_sol.to_place is not null and by_sol.is_before_driving then 'landing'
            when by_sol.to_place is not null then 'sol_interpolated'
        end as location_method,
        case
            when is_by_counter and counted.is_before_driving then coalesce(counted.place, counted.place_after)
            when is_by_counter then coalesce(counted.place, counted.place_before)
            else by_sol.from_place
        end as from_place,
        case
            when is_by_counter then coalesce(counted.place, counted.place_after)
            else by_sol.to_place
        end as to_place,
        not is_by_counter and (counted.has_counter or by_sol.is_hole) as is_doubtful
    from (
        select
            *,
            has_counter
            and not is_disputed
            and (
                place is not null
                or is_before_driving
                or (place_before is not null and place_after is not null)
            ) as is_by_counter
        from counted
    ) as counted
    left join by_sol on counted.rover = by_sol.rover and counted.sol = by_sol.sol
),

stretches as (
    select
        chosen.*,
        {%- for column in ['longitude', 'latitude', 'elevation_m', 'distance_total_m', 'heading_deg'] %}
        from_waypoint.{{ column }} as from_{{ column }},
        to_waypoint.{{ column }} as to_{{ column }},
        {%- endfor %}
        case
            when from_waypoint.distance_total_m is not null then to_waypoint.distance_total_method
        end as distance_driven_method,
        to_waypoint.near_m,
        is_doubtful or (
            location_method = 'rmc_interpolated'
            and coalesce(from_waypoint.until_sol < to_waypoint.sol, false)
        ) as is_uncertain,
        case
            when location_method = 'rmc_interpolated' and from_waypoint.site = to_waypoint.site
                then
                    (chosen.drive - from_waypoint.drive)
                    / cast(to_waypoint.drive - from_waypoint.drive as double)
            else 0.5
        end as weight
    from chosen
    left join waypoints as from_waypoint
        on chosen.rover = from_waypoint.rover and chosen.from_place = from_waypoint.place
    left join waypoints as to_waypoint
        on chosen.rover = to_waypoint.rover and chosen.to_place = to_waypoint.place
),

weighed as (
    select
        *,
        {{ way_metres('from_', 'to_') }} as metres
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
        when location_method in ('rmc', 'landing') then to_{{ column }}
        else round(from_{{ column }} + weight * (to_{{ column }} - from_{{ column }}), {{ digits }})
    end as {{ name }},
    {%- endfor %}
    distance_driven_method,
    case when metres < 1 and not is_uncertain then to_heading_deg end as heading_deg,
    location_method,
    case
        when location_method = 'rmc' then 'exact'
        when is_uncertain and location_method is not null then 'uncertain'
        when metres < 1 then 'parked'
        when location_method is not null then 'interpolated'
    end as location_quality,
    case
        when location_method = 'rmc' then 0
        when is_doubtful and (has_counter or from_place = to_place)
            then round(case when near_m < metres then metres else near_m end, 3)
        else round(metres, 3)
    end as location_uncertainty_m
from weighed
