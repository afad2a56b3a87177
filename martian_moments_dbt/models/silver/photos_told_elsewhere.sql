{#
    Sources file a picture under sols that differ by one. Where one of them speaks for a sol and another for its neighbour, both
    tell of the same picture: the source that is preferred keeps it, the photos of the other are here.

    A table of its own, small and mostly empty: inside the view photo_records the join took 0.6 s of each of its ten readers
    (1.2 million photos on DuckDB).
#}
with documents as (
    select
        object_key,
        preference,
        min(preference) over (partition by rover) as first_preference
    from {{ ref('photo_documents') }}
    where is_chosen
),

told as (
    select
        photos.rover,
        photos.sol,
        photos.product_identity,
        photos.photo_key,
        documents.preference,
        documents.first_preference
    from {{ ref('source_photos') }} as photos
    inner join documents on photos.object_key = documents.object_key
)

select distinct lesser.photo_key
from told as lesser
inner join told as preferred
    on
        lesser.rover = preferred.rover
        and lesser.product_identity = preferred.product_identity
        and abs(lesser.sol - preferred.sol) = 1
        and lesser.preference > preferred.preference
-- Spares the join every photo of a rover of which one source speaks for every sol.
where lesser.preference > lesser.first_preference
