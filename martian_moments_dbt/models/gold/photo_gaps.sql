{#
    What is still to be had of a sol, as coverage.py has it and status shows it: what a source promises beside what its own
    document of the sol holds, never one source beside another. The sources that may have photos of a sol are asked in the order
    of preference up to the first that has it whole; that a feed has nothing is doubted while another source has photos.
    Records that a source reports twice within one page, and counts twice, are no gap.
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
        coalesce(documents.promised, 0) as reported,
        coalesce(documents.record_count, 0) as found,
        promised.sol is not null and coalesce(promised.photos_promised, 1) > 0 as is_promised,
        -- A list that does not name a sol promises nothing of it; a feed has no number before it is asked.
        promised.sol is not null and promised.photos_promised is null as reports_no_number,
        coalesce(promised.photos_promised, 0) as listed,
        documents.object_key is not null as is_held,
        coalesce(documents.is_chosen, false) as is_chosen,
        coalesce(
            case
                when promised.sol is not null and promised.photos_promised is null then documents.complete
                else documents.record_count + documents.repeats >= coalesce(promised.photos_promised, 0)
            end,
            false
        ) as is_whole
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
    where {{ preference('all_sols.source') }} is not null
),

seen as (
    select
        *,
        min(case when is_whole and found > 0 then preference end) over (
            partition by rover, sol
        ) as first_whole,
        max(case when is_chosen then found end) over (partition by rover, sol) as chosen_found,
        max(case when is_chosen and is_whole and found > 0 then 1 else 0 end) over (
            partition by rover, sol
        ) as chosen_is_whole
    from compared
),

wanted as (
    select
        *,
        (is_promised or (is_whole and found > 0))
        and preference <= coalesce(first_whole, preference)
        and not (is_whole and not (found = 0 and reports_no_number and first_whole is not null)) as is_wanted
    from seen
),

judged as (
    select
        *,
        case
            when chosen_is_whole = 1 then 'whole'
            when
                chosen_found is not null
                and max(case when is_wanted and (is_held or chosen_found > 0) then 1 else 0 end) over (
                    partition by rover, sol
                ) = 1
                then 'short'
            when max(case when is_wanted then 1 else 0 end) over (partition by rover, sol) = 1 then 'missing'
            when coalesce(chosen_found, 0) > 0 then 'whole'
            else 'expected_gap'
        end as verdict
    from wanted
),

selected as (
    select
        *,
        row_number() over (
            partition by rover, sol
            order by
                case
                    when verdict = 'short' and is_chosen then 1
                    when verdict = 'missing' and is_wanted then 1
                    else 2
                end,
                preference
        ) as place
    from judged
),

gaps as (
    select
        *,
        case
            when is_whole then found
            when listed > 0 then listed
            else reported
        end as expected
    from selected
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
