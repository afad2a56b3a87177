{#
    Every rover's legs. A leg that starts where another one started tells the same track again, so only what lies beyond the
    furthest point told from there is newly driven: the map server repeats a drive of several sols from its start, each time a
    little further (sols 350, 351 and 352 of Perseverance all start at 9_2982). On the files of 2026-04 the sum is 41,737.68 m
    for Perseverance, beside 41,737.78 m by its own odometer and 42,541.68 m without this rule.
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
        ) as length_told_m
    from numbered
)

select
    rover,
    cast(leg_of_rover as integer) as leg,
    sol,
    sol_method,
    from_site,
    from_drive,
    to_site,
    to_drive,
    length_m,
    greatest(length_m - length_told_m, 0) as distance_m,
    geometry
from measured
