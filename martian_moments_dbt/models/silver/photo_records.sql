{#
    A view over source_photos: when another source is chosen for a sol, its photos take the place of the others' at once, and
    no document is read again.

    Sources file a picture under sols that differ by one. Where one of them speaks for a sol and another for its neighbour, both
    tell of the same picture: the source that is preferred keeps it.
#}
{{ config(materialized='view') }}

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
),

told_elsewhere as (
    select distinct lesser.photo_key
    from told as lesser
    inner join told as preferred
        on
            lesser.rover = preferred.rover
            and lesser.product_identity = preferred.product_identity
            and abs(lesser.sol - preferred.sol) = 1
            and lesser.preference > preferred.preference
    -- None, for a rover of which one source speaks for every sol: the join costs nothing.
    where lesser.preference > lesser.first_preference
)

select photos.*
from {{ ref('source_photos') }} as photos
inner join documents on photos.object_key = documents.object_key
left join told_elsewhere on photos.photo_key = told_elsewhere.photo_key
where told_elsewhere.photo_key is null
