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
        max(
            case when documents.is_chosen and told_elsewhere.photo_key is null then 1 else 0 end
        ) = 1 as is_chosen
    from {{ ref('source_photos') }} as photos
    inner join {{ ref('photo_documents') }} as documents on photos.object_key = documents.object_key
    left join {{ ref('photos_told_elsewhere') }} as told_elsewhere
        on photos.photo_key = told_elsewhere.photo_key and photos.object_key = told_elsewhere.object_key
    where photos.product_identity is not null
    group by photos.rover, photos.product_identity, photos.source
),

-- Few are: a window over every picture took twice as long.
told_by_several as (
    select
        rover,
        product_identity,
        count(*) as sources,
        max(sol) - min(sol) as sols_apart
    from tellings
    group by rover, product_identity
    having count(*) > 1
)

select
    tellings.rover,
    tellings.product_identity,
    tellings.source,
    tellings.sol,
    tellings.records,
    tellings.is_chosen,
    coalesce(told_by_several.sources, 1) as sources,
    cast(coalesce(told_by_several.sols_apart, 0) as bigint) as sols_apart
from tellings
left join told_by_several
    on tellings.rover = told_by_several.rover and tellings.product_identity = told_by_several.product_identity
