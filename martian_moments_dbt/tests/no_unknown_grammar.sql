{#
    Rovers whose files are named in a way that macros/file_names.sql does not know: product, clock, site and drive of their
    photos are null where only the name reports them. How many photos each source has of them.
#}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'source_photos'}}}) }}

select
    photos.rover,
    photos.source,
    count(*) as photos
from {{ ref('source_photos') }} as photos
left join {{ facts('rovers') }} as rovers on photos.rover = rovers.rover
where
    rovers.grammar is null
    or rovers.grammar not in {{ known_grammars() }}
group by photos.rover, photos.source
