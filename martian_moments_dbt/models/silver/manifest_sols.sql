{#
    Sols that cannot be are left out, as nasa/sources.py has it: those before a rover's first one, and those still to come (the
    current one and one more may be reported).
#}
with manifest_sols as (
    {%- for source in var('sources') %}
    select * from {{ ref('stg_' ~ source ~ '__manifest_sols') }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
),

possible as (
    select
        rover,
        first_sol,
        {{ mission_sol(milliseconds_between('first_midnight_utc', 'current_timestamp'), 'first_sol') }} + 1
            as last_sol
    from {{ ref('dim_rovers') }}
)

select
    manifest_sols.rover,
    manifest_sols.source,
    manifest_sols.sol,
    cast(max(manifest_sols.photos_promised) as bigint) as photos_promised,
    max(manifest_sols.earth_date) as earth_date,
    cast(
        case
            when max(manifest_sols.max_sol) > max(possible.last_sol) then max(possible.last_sol)
            else max(manifest_sols.max_sol)
        end as integer
    ) as max_sol,
    max(manifest_sols.fetched_at) as fetched_at
from manifest_sols
inner join possible
    on
        manifest_sols.rover = possible.rover
        and manifest_sols.sol between possible.first_sol and possible.last_sol
group by manifest_sols.rover, manifest_sols.source, manifest_sols.sol
