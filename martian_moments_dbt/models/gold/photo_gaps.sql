{#
    What each source promises beside what its own document of the sol holds; never one source beside another.
    A document that had all its promise when it was fetched stays whole although repeats and strays were set aside.
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
        coalesce(promised.photos_promised, documents.promised, 0) as expected,
        coalesce(documents.record_count, 0) as found,
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
        expected,
        found,
        case
            when expected = 0 and found = 0 then 'expected_gap'
            when found >= expected or was_complete then null
            when is_held then 'short'
            else 'missing'
        end as reason
    from compared
)

select
    rover,
    sol,
    source,
    cast(expected as bigint) as expected,
    cast(found as bigint) as found,
    reason
from judged
where reason is not null
