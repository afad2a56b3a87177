{#
    What is not held of a sol: what a source promises beside what its own document of the sol holds, never one source beside
    another. A sol that one source has whole is no gap; otherwise the source speaks that has most of it. A document that had all
    its promise when it was fetched stays whole although repeats and strays were set aside.
#}
with promised as (
    select * from {{ ref('manifest_sols') }}
),

missions as (
    select
        promised.rover,
        promised.source,
        rovers.first_sol,
        greatest(max(promised.sol), coalesce(max(promised.max_sol), 0)) as last_sol
    from promised
    inner join {{ ref('dim_rovers') }} as rovers on promised.rover = rovers.rover
    group by promised.rover, promised.source, rovers.first_sol
),

sols as (
    {{ integers(100000) }}
),

known_sols as (
    select
        missions.rover,
        missions.source,
        sols.n as sol
    from missions
    inner join sols on sols.n between missions.first_sol and missions.last_sol
),

all_sols as (
    select
        rover,
        source,
        sol
    from known_sols
    union
    select
        rover,
        source,
        sol
    from promised
    union
    select
        rover,
        source,
        sol
    from {{ ref('photo_documents') }}
),

compared as (
    select
        all_sols.rover,
        all_sols.sol,
        all_sols.source,
        {{ preference('all_sols.source') }} as preference,
        coalesce(promised.photos_promised, documents.promised, 0) as expected,
        coalesce(documents.record_count, 0) as found,
        promised.sol is not null and coalesce(promised.photos_promised, 1) > 0 as is_promised,
        documents.object_key is not null as is_held,
        coalesce(
            documents.complete and documents.promised >= coalesce(promised.photos_promised, 0), false
        ) as was_complete
    from all_sols
    left join promised
        on
            all_sols.rover = promised.rover
            and all_sols.source = promised.source
            and all_sols.sol = promised.sol
    left join {{ ref('photo_documents') }} as documents
        on
            all_sols.rover = documents.rover
            and all_sols.source = documents.source
            and all_sols.sol = documents.sol
),

judged as (
    select
        rover,
        sol,
        source,
        preference,
        expected,
        found,
        case
            when is_held and found > 0 and (found >= expected or was_complete) then 'whole'
            when is_held and (found >= expected or was_complete) then 'expected_gap'
            when is_held then 'short'
            -- A feed tells a sol's number only when it is asked for the sol.
            when is_promised then 'missing'
            else 'expected_gap'
        end as verdict
    from compared
    where preference is not null
),

speaking as (
    select
        *,
        row_number() over (
            partition by rover, sol
            order by
                case verdict when 'whole' then 1 when 'short' then 2 when 'missing' then 3 else 4 end,
                -found,
                preference
        ) as place
    from judged
),

gaps as (
    select * from speaking
    where place = 1 and verdict <> 'whole'
),

-- Of pauses that overlap, one explains enough.
explained as (
    select
        gaps.rover,
        gaps.sol,
        min(pauses.reason) as explanation
    from gaps
    inner join {{ ref('expected_gaps') }} as pauses
        on gaps.rover = pauses.rover and gaps.sol between pauses.first_sol and pauses.last_sol
    group by gaps.rover, gaps.sol
)

select
    gaps.rover,
    gaps.sol,
    gaps.source,
    cast(gaps.expected as bigint) as expected,
    cast(gaps.found as bigint) as found,
    gaps.verdict as reason,
    cast(explained.explanation as varchar) as explanation
from gaps
left join explained on gaps.rover = explained.rover and gaps.sol = explained.sol
