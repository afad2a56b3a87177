{#
    One source per rover and sol, as coverage.py has it: by preference the first that has all it promised and photos at all, or
    before it one that is short and yet has more; without a whole one the one that has most photos.

    Which document is complete is decided as documents.py has it. Where its photos and the repeats that the source itself counts
    do not reach the promise, a document of the release that recorded no repeats is not: other pages' repeats may have filled it.
#}
with documents as (
    select
        object_key,
        etag,
        rover,
        sol,
        source,
        record_count,
        promised,
        coalesce(repeats, 0) as repeats,
        complete and (promised is null or record_count + coalesce(repeats, 0) >= promised) as complete,
        fetched_at,
        {{ preference('source') }} as preference
    from {{ bronze('raw_photos') }}
),

first_whole as (
    select
        rover,
        sol,
        record_count
    from documents
    where preference is not null and complete and record_count > 0
    qualify row_number() over (partition by rover, sol order by preference, object_key) = 1
),

ranked as (
    select
        documents.*,
        row_number() over (
            partition by documents.rover, documents.sol
            order by
                case
                    when documents.record_count = 0 then 3
                    when documents.complete or documents.record_count > first_whole.record_count then 1
                    else 2
                end,
                case when first_whole.record_count is null then -documents.record_count end,
                documents.preference,
                documents.object_key
        ) as place
    from documents
    left join first_whole on documents.rover = first_whole.rover and documents.sol = first_whole.sol
    where documents.preference is not null
)

select
    object_key,
    etag,
    rover,
    sol,
    source,
    record_count,
    promised,
    repeats,
    complete,
    fetched_at,
    preference,
    place = 1 as is_chosen
from ranked
