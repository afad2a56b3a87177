{#
    Also of the sources that were not chosen. Which sol a picture belongs to is what sources disagree on, by one.
#}
with reports as (
    select
        photos.rover,
        photos.product_identity,
        photos.source,
        min(photos.sol) as sol,
        count(*) as records,
        max(
            case when documents.is_chosen and elsewhere.photo_key is null then 1 else 0 end
        ) = 1 as is_chosen
    from {{ ref('source_photos') }} as photos
    inner join {{ ref('photo_documents') }} as documents on photos.object_key = documents.object_key
    left join {{ ref('photos_reported_elsewhere') }} as elsewhere
        on photos.photo_key = elsewhere.photo_key and photos.object_key = elsewhere.object_key
    where photos.product_identity is not null
    group by photos.rover, photos.product_identity, photos.source
),

-- Most rovers have one source, and few pictures have several: a window over every picture took twice as long.
rovers_of_several as (
    select rover
    from {{ ref('photo_documents') }}
    group by rover
    having count(distinct source) > 1
),

by_several as (
    select
        rover,
        product_identity,
        count(*) as sources,
        max(sol) - min(sol) as sols_apart
    from reports
    where rover in (select rover from rovers_of_several)
    group by rover, product_identity
    having count(*) > 1
)

select
    reports.rover,
    reports.product_identity,
    reports.source,
    reports.sol,
    reports.records,
    reports.is_chosen,
    coalesce(by_several.sources, 1) as sources,
    cast(coalesce(by_several.sols_apart, 0) as bigint) as sols_apart
from reports
left join by_several
    on reports.rover = by_several.rover and reports.product_identity = by_several.product_identity
