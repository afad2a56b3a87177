-- depends_on: {{ ref('loaded_objects') }}
{#
    One source per rover and sol: one that has all it promised before one that is short, one that has photos before one that
    is empty, then by the order of preference. As coverage.py has it.
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
        complete,
        fetched_at,
        {{ preference('source') }} as preference
    from {{ source('bronze', 'raw_photos') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by rover, sol
            order by
                case when record_count > 0 and complete then 1 when record_count > 0 then 2 else 3 end,
                preference,
                object_key
        ) as place
    from documents
    where preference is not null
)

select
    object_key,
    etag,
    rover,
    sol,
    source,
    record_count,
    promised,
    complete,
    fetched_at,
    preference,
    place = 1 as is_chosen
from ranked
