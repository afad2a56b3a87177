{#
    Every rover's legs. A leg that starts where another one started tells the same track again, so only what lies beyond the
    furthest point told from there is newly driven: the map server repeats a drive of several sols from its start, each time a
    little further (sols 350, 351 and 352 of Perseverance all start at 9_2982). On the files of 2026-04 the sum is 41,737.68 m
    for Perseverance, beside 41,737.78 m by its own odometer and 42,541.68 m without this rule.

    From first_sol to last_sol is when the newly driven metres were driven. Mostly one sol. A leg of several sols has those of its
    start and its end; of a repeated leg what is new was driven on its own sol. A leg without a sol lies between the sols of the legs
    before and after it: each sol has one such end at most (so it is with 214 of 214 known waypoints of Curiosity).
#}
with legs as (
    {%- for model in ['legs_told', 'legs_matched', 'legs_between_places'] %}
    select
        {{ loop.index }} as model,
        told.*
    from {{ ref(model) }} as told
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
        ) as length_told_m,
        max(sol) over (
            partition by rover order by leg_of_rover rows between unbounded preceding and 1 preceding
        ) as sol_before,
        min(sol) over (
            partition by rover order by leg_of_rover rows between 1 following and unbounded following
        ) as sol_after
    from numbered
)

select
    rover,
    cast(leg_of_rover as integer) as leg,
    sol,
    sol_method,
    case
        when sol is not null and length_told_m > 0 then sol
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
    greatest(length_m - length_told_m, 0) as distance_m,
    geometry
from measured
