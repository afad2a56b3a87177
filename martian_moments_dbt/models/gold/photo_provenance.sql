{#
    Also of the sources that were not chosen. Which sol a picture belongs to is what sources disagree on, by one.
#}
with tellings as (
    select
        photos.rover,
        photos.product_identity,
        photos.source,
        min(photos.sol) as sol,
        count(*) as records,
        max(case when documents.is_chosen then 1 else 0 end) = 1 as is_chosen
    from {{ ref('source_photos') }} as photos
    inner join {{ ref('photo_documents') }} as documents on photos.object_key = documents.object_key
    where photos.product_identity is not null
    group by photos.rover, photos.product_identity, photos.source
)

select
    rover,
    product_identity,
    source,
    sol,
    records,
    is_chosen,
    count(*) over (partition by rover, product_identity) as sources,
    cast(
        max(sol) over (partition by rover, product_identity)
        - min(sol) over (partition by rover, product_identity) as bigint
    ) as sols_apart
from tellings
