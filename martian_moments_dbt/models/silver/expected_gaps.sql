{#
    Sols on which a rover that takes no photos, or sends none, does nothing unusual. What no report explains is not here.

    * Around a solar conjunction of Mars nothing is commanded for two to three weeks. Curiosity's longest pause (2013, sols 236 to
      261) began 13 days before the conjunction and ended 13 days after it.
    * What NASA reported: the seed expected_pauses.
#}
with around_conjunctions as (
    select
        rovers.rover,
        cast(
            floor(
                {{ milliseconds_between('rovers.first_midnight_utc', 'conjunctions.day') }}
                / {{ var('sol_ms') }}.0
            ) as integer
        ) + rovers.first_sol as sol
    from {{ ref('dim_rovers') }} as rovers
    cross join {{ ref('solar_conjunctions') }} as conjunctions
)

select
    rover,
    sol - 14 as first_sol,
    sol + 14 as last_sol,
    'solar conjunction' as reason,
    'orbits' as source
from around_conjunctions
where sol >= 14
union all
select
    rover,
    first_sol,
    last_sol,
    reason,
    source
from {{ ref('expected_pauses') }}
