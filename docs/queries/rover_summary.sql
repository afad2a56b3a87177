-- How many photos does each rover have, and of how many sols?
select rover, photos, sols_with_photos
from gold.rover_summary
order by photos desc;
