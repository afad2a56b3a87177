{#
    Reports of a picture that give way to another report of it. Sources file a picture under sols that differ by one: where
    one of them is selected for a sol and another for its neighbour, both report the same picture, and the source that is
    preferred keeps it. A source that files a photo under another sol reports it twice until it has been asked for both: its
    last report stands, but a report dated in the future gives way to any other.

    A table of its own, small and mostly empty: inside the view photo_records the join took 0.6 s of each of its ten readers
    (1.2 million photos on DuckDB).
#}
with documents as (
    select
        object_key,
        fetched_at,
        preference,
        min(preference) over (partition by rover) as first_preference
    from {{ ref('photo_documents') }}
    where is_chosen
),

reported as (
    select
        photos.rover,
        photos.sol,
        photos.product_identity,
        photos.photo_key,
        photos.object_key,
        documents.fetched_at,
        documents.preference,
        documents.first_preference
    from {{ ref('source_photos') }} as photos
    inner join documents on photos.object_key = documents.object_key
),

-- Few are, mostly none: a window over every photo would take longer.
reported_twice as (
    select photo_key
    from reported
    group by photo_key
    having count(*) > 1
),

outdated as (
    select
        reported.photo_key,
        reported.object_key
    from reported
    inner join reported_twice on reported.photo_key = reported_twice.photo_key
    qualify
        row_number() over (
            partition by reported.photo_key
            order by
                case when {{ is_ahead('reported.fetched_at') }} then 1 else 0 end,
                reported.fetched_at desc,
                reported.object_key desc
        ) > 1
)

select
    photo_key,
    object_key
from outdated
union
select
    lesser.photo_key,
    lesser.object_key
from reported as lesser
inner join reported as preferred
    on
        lesser.rover = preferred.rover
        and lesser.product_identity = preferred.product_identity
        and abs(lesser.sol - preferred.sol) = 1
        and lesser.preference > preferred.preference
-- Spares the join every photo of a rover of which one source is selected for every sol.
where lesser.preference > lesser.first_preference
