{#
    Every rover's legs. A leg that starts where another one started reports the same track again, so only what lies beyond the
    furthest point reported from there is newly driven: the map server repeats a drive of several sols from its start, each time a
    little further (sols 350, 351 and 352 of Perseverance all start at 9_2982). On the files of 2026-04 the sum is 41,737.68 m
    for Perseverance, beside 41,737.78 m by its own odometer and 42,541.68 m without this rule.

    From first_sol to last_sol is when the newly driven metres were driven. Mostly one sol. A leg of several sols has those of its
    start and its end; of a repeated leg what is new was driven on its own sol. A leg without a sol lies between the sols of the legs
    before and after it: each sol has one such end at most (so it is with 214 of 214 known waypoints of Curiosity).

    A leg follows on a gap where the map leaves out what was driven before it: the first leg, unless it begins where the rover
    landed; one that says from where it goes, where no other ended (none of Perseverance's 522 legs of 2026-04).
#}
{% set landing_reach_m = 1 %}

with legs as (
    {%- for model in ['legs_reported', 'legs_matched', 'legs_between_places'] %}
    select
        {{ loop.index }} as model,
        reported.*
    from {{ ref(model) }} as reported
    {{- ' union all' if not loop.last }}
    {%- endfor %}
),

-- Each model counts its own legs; a drifted file may have legs for two of them.
numbered as (
    select
        *,
        row_number() over (partition by rover order by model, leg) as leg_of_rover
    from legs
),

measured as (
    select
        *,
        coalesce(
            max(length_m) over (
                partition by rover, starts_at
                order by leg_of_rover
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as length_reported_before_m,
        max(sol) over (
            partition by rover order by leg_of_rover rows between unbounded preceding and 1 preceding
        ) as sol_before,
        min(sol) over (
            partition by rover order by leg_of_rover rows between 1 following and unbounded following
        ) as sol_after
    from numbered
),

ends as (
    select distinct
        rover,
        to_site,
        to_drive
    from legs
),

flagged as (
    select
        measured.*,
        coalesce(
            measured.leg_of_rover > 1
            and measured.sol_method = 'told'
            and measured.from_site is not null
            and ends.rover is null,
            false
        ) as is_unconnected
    from measured
    left join ends
        on
            measured.rover = ends.rover
            and measured.from_site = ends.to_site
            and measured.from_drive = ends.to_drive
),

-- The legs whose ends say how much is left out at least.
around_gaps as (
    select
        rover,
        leg_of_rover as position,
        geometry
    from flagged
    qualify
        leg_of_rover = 1
        or is_unconnected
        or lead(is_unconnected) over (partition by rover order by leg_of_rover)
),

points as (
    {{ vertices('around_gaps') }}
),

starts as (
    select * from points
    qualify row_number() over (partition by rover, position order by line, vertex) = 1
),

stops as (
    select * from points
    qualify row_number() over (partition by rover, position order by line desc, vertex desc) = 1
),

landings as (
    select
        rover,
        site,
        drive
    from {{ ref('dim_waypoints') }}
    where is_landing_place
),

bounded as (
    select
        flagged.*,
        case
            when flagged.leg_of_rover > 1
                then {{ sphere_metres(
                    'stops.longitude', 'stops.latitude', 'starts.longitude', 'starts.latitude'
                ) }}
            else {{ sphere_metres(
                'rovers.landing_longitude', 'rovers.landing_latitude', 'starts.longitude', 'starts.latitude'
            ) }}
        end as from_end_before_m,
        landings.rover is not null as is_from_landing_waypoint
    from flagged
    left join starts on flagged.rover = starts.rover and flagged.leg_of_rover = starts.position
    left join stops on flagged.rover = stops.rover and flagged.leg_of_rover = stops.position + 1
    left join {{ ref('dim_rovers') }} as rovers on flagged.rover = rovers.rover
    left join landings
        on
            flagged.rover = landings.rover
            and flagged.from_site = landings.site
            and flagged.from_drive = landings.drive
),

located as (
    select
        *,
        is_unconnected
        or (
            leg_of_rover = 1
            and not is_from_landing_waypoint
            and not coalesce(from_end_before_m <= {{ landing_reach_m }}, false)
        ) as is_after_gap
    from bounded
)

select
    rover,
    cast(leg_of_rover as integer) as leg,
    sol,
    sol_method,
    case
        when sol is not null and length_reported_before_m > 0 then sol
        when sol is not null then start_sol
        when sol_after <= sol_before + 1 then sol_before
        else sol_before + 1
    end as first_sol,
    case
        when sol is not null then sol
        when sol_after <= sol_before + 1 then sol_after
        else sol_after - 1
    end as last_sol,
    from_site,
    from_drive,
    to_site,
    to_drive,
    sclk_start,
    sclk_end,
    length_m,
    greatest(length_m - length_reported_before_m, 0) as distance_m,
    is_after_gap,
    -- Of a gap of which not even that is known, null.
    case when is_after_gap then round(from_end_before_m, 3) end as gap_m,
    geometry
from located
