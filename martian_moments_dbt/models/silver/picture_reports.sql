{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['rover', 'product_identity'],
    on_schema_change='fail',
    post_hook="delete from {{ this }} where source is null",
) }}
{#
    What gold.photo_provenance publishes. Which sol a picture belongs to is what sources disagree on, by one; also sources that
    were not chosen are here.

    Only pictures are looked at again of which a document that reports them came, went, or is chosen or read in another way
    (version, and other_version of a second document of the source). Where one source reports a picture on sols further apart,
    it has no version, and the picture is looked at with every build.
#}
with documents as (
    select
        photo_documents.object_key,
        photo_documents.rover,
        photo_documents.source,
        observed.version is not null as is_chosen,
        coalesce(
            observed.version, concat_ws('|', photo_documents.object_key, photo_documents.etag, 'not chosen')
        ) as version
    from {{ ref('photo_documents') }} as photo_documents
    left join {{ ref('observed_sols') }} as observed on photo_documents.object_key = observed.object_key
    where photo_documents.record_count > 0
),

{% if is_incremental() -%}
held as (
    select distinct
        version,
        other_version
    from {{ this }}
    where version is not null
),

outdated as (
    select
        version,
        other_version
    from held
    where
        version not in (select version from documents)
        or other_version not in (select version from documents)
),

changed as (
    select object_key
    from documents
    where
        version not in (select version from held)
        and version not in (select other_version from held)
),

concerned as (
    select
        photos.rover,
        photos.product_identity
    from {{ ref('source_photos') }} as photos
    inner join changed on photos.object_key = changed.object_key
    where photos.product_identity is not null
    union
    select
        before.rover,
        before.product_identity
    from {{ this }} as before
    left join outdated on before.version = outdated.version and before.other_version = outdated.other_version
    where before.version is null or outdated.version is not null
),
{%- endif %}

reports as (
    select
        photos.rover,
        photos.product_identity,
        photos.source,
        min(photos.sol) as sol,
        count(*) as records,
        max(
            case when documents.is_chosen and elsewhere.photo_key is null then 1 else 0 end
        ) = 1 as is_chosen,
        -- A source has one document of a sol.
        case when max(photos.sol) - min(photos.sol) <= 1 then min(documents.version) end as version,
        case when max(photos.sol) - min(photos.sol) <= 1 then max(documents.version) end as other_version
    from {{ ref('source_photos') }} as photos
    inner join documents on photos.object_key = documents.object_key
    {%- if is_incremental() %}
    inner join concerned
        on photos.rover = concerned.rover and photos.product_identity = concerned.product_identity
    {%- endif %}
    left join {{ ref('photos_reported_elsewhere') }} as elsewhere
        on photos.photo_key = elsewhere.photo_key and photos.object_key = elsewhere.object_key
    where photos.product_identity is not null
    group by photos.rover, photos.product_identity, photos.source
),

-- Most rovers have one source, and few pictures have several: a window over every picture took twice as long.
rovers_of_several as (
    select rover
    from documents
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
    cast(coalesce(by_several.sols_apart, 0) as bigint) as sols_apart,
    reports.version,
    reports.other_version
from reports
left join by_several
    on reports.rover = by_several.rover and reports.product_identity = by_several.product_identity
{%- if is_incremental() %}
union all
-- In place of pictures that nothing reports any more, until the rows of this build are in.
select
    rover,
    product_identity,
    null as source,
    null as sol,
    null as records,
    null as is_chosen,
    null as sources,
    null as sols_apart,
    null as version,
    null as other_version
from concerned
where (rover, product_identity) not in (select rover, product_identity from reports)
{%- endif %}
